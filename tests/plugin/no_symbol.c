/* SPDX-License-Identifier: GPL-3.0-or-later */
/* no_symbol.c - a shared object that is no policy at all. */
extern const int not_a_policy;
const int not_a_policy = 1;
