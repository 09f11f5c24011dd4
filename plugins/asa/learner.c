/* SPDX-License-Identifier: GPL-3.0-or-later */
/* learner.c - exponential weights over a fixed set of waits. */
#include "plugins/asa/learner.h"

#include <math.h>
#include <string.h>

static const double first_wait_s = 10, last_wait_s = 48 * 3600;

void mir_asa_init(struct mir_asa *a)
{
    double ratio = pow(last_wait_s / first_wait_s, 1.0 / (MIR_ASA_N - 2));

    memset(a, 0, sizeof(*a));
    for (int i = 1; i < MIR_ASA_N; i++)
        a->wait_s[i] = i > 1 ? a->wait_s[i - 1] * ratio : first_wait_s;
    a->wait_s[MIR_ASA_N - 1] = last_wait_s; /* whatever rounding made of it */
}

void mir_asa_clear(struct mir_asa *a)
{
    memset(a->loss, 0, sizeof(a->loss));
    a->n_seen = 0;
}

/* The alternative nearest to `wait_s`: in ratio, or to the middle of 0 and the first. */
static int nearest(const struct mir_asa *a, double wait_s)
{
    int low = 0, high = MIR_ASA_N - 1;

    while (low < high) {
        int mid = (low + high) / 2;
        double border_squared = a->wait_s[mid] * a->wait_s[mid + 1];
        if (mid == 0)
            border_squared = first_wait_s * first_wait_s / 4;
        if (wait_s * wait_s > border_squared)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

void mir_asa_learn(struct mir_asa *a, int32_t wait_s)
{
    int truth = nearest(a, wait_s > 0 ? wait_s : 0);

    for (int i = 0; i < MIR_ASA_N; i++)
        a->loss[i] += (i > truth ? i - truth : truth - i) / (double)(MIR_ASA_N - 1);
    a->n_seen++;
}

void mir_asa_weights(const struct mir_asa *a, double out[MIR_ASA_N])
{
    /* The rate whose regret is bounded without knowing how long it goes on (Cesa-Bianchi and
     * Lugosi, Prediction, Learning, and Games, theorem 2.3). */
    double rate = sqrt(8 * log(MIR_ASA_N) / (a->n_seen > 0 ? a->n_seen : 1));
    double least = a->loss[0], sum = 0;

    for (int i = 1; i < MIR_ASA_N; i++)
        least = fmin(least, a->loss[i]);
    for (int i = 0; i < MIR_ASA_N; i++) {
        out[i] = exp(-rate * (a->loss[i] - least));
        sum += out[i];
    }
    for (int i = 0; i < MIR_ASA_N; i++)
        out[i] /= sum;
}

double mir_asa_sample(const struct mir_asa *a, double u)
{
    double weight[MIR_ASA_N];
    int i = 0;

    mir_asa_weights(a, weight);
    while (i < MIR_ASA_N - 1 && u >= weight[i])
        u -= weight[i++];
    return a->wait_s[i];
}
