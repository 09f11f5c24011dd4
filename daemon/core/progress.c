/* SPDX-License-Identifier: GPL-3.0-or-later */
/* progress.c - a bar with the time left.  The one place below a main that writes to stderr. */
#include "daemon/core/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "daemon/core/clock.h"
#include "daemon/core/parse.h"

enum { BAR_WIDTH = 30, REDRAW_NS = 100000000 };

static void draw_bar(const struct mir_progress *p, uint64_t done, int64_t now_ns)
{
    double share = done < p->total ? (double)done / (double)p->total : 1.0;
    int filled = (int)(share * BAR_WIDTH);
    double elapsed_s = (double)(now_ns - p->began_ns) * 1e-9;
    char bar[BAR_WIDTH + 1];
    char left[32];

    for (int i = 0; i < BAR_WIDTH; i++)
        bar[i] = i < filled ? '#' : '.';
    bar[BAR_WIDTH] = '\0';
    /* The first hundredth says too little about the rest to promise anything. */
    if (share < 0.01)
        fprintf(stderr, "\r%s [%s] %3.0f %%\033[K", p->label, bar, share * 100);
    else
        fprintf(stderr, "\r%s [%s] %3.0f %%, %s left\033[K", p->label, bar, share * 100,
                mir_format_duration((int64_t)(elapsed_s * (1 - share) / share + 0.5), left));
}

static void draw(const struct mir_progress *p, uint64_t done, int64_t now_ns)
{
    if (p->total == 0)
        fprintf(stderr, "\r%s %llu\033[K", p->label, (unsigned long long)done);
    else
        draw_bar(p, done, now_ns);
    fflush(stderr);
}

void mir_progress_open(struct mir_progress *p, const char *label, uint64_t total, bool quiet)
{
    p->label = label;
    atomic_init(&p->done, 0);
    p->total = total;
    p->began_ns = mir_clock_mono_ns();
    atomic_init(&p->drawn_ns, p->began_ns);
    p->shown = !quiet && isatty(STDERR_FILENO) == 1;
}

void mir_progress_add(struct mir_progress *p, uint64_t n)
{
    uint64_t done = atomic_fetch_add_explicit(&p->done, n, memory_order_relaxed) + n;
    int_fast64_t drawn_ns;
    int64_t now_ns;

    if (!p->shown)
        return;
    now_ns = mir_clock_mono_ns();
    drawn_ns = atomic_load_explicit(&p->drawn_ns, memory_order_relaxed);
    /* Whoever moves drawn_ns on draws; the others go back to work. */
    if (now_ns - drawn_ns >= REDRAW_NS &&
        atomic_compare_exchange_strong(&p->drawn_ns, &drawn_ns, now_ns))
        draw(p, done, now_ns);
}

void mir_progress_close(struct mir_progress *p)
{
    if (p->shown && atomic_load(&p->drawn_ns) != p->began_ns) {
        fprintf(stderr, "\r\033[K");
        fflush(stderr);
    }
    p->shown = false;
}
