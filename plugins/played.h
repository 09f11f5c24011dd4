/*
 * played.h - the policies that play out futures of the live queue (view->lookahead): one
 * body, which the folders lookahead and hybrid give their names to.  Submits when no later
 * time is expected to be cheaper than now.  Where nothing can be played, or what is
 * played is not this cluster, a trained model decides, without one qbets, and the
 * reason says why.  One thread at a time per instance.
 */
#ifndef MIR_POLICY_PLAYED_H
#define MIR_POLICY_PLAYED_H

#include "models/predict/wait_model.h"
#include "plugins/learned.h"
#include "plugins/plugin.h"

/* What they read: the futures' queue, and what the learned rules do. */
enum { MIR_PLAYED_PARTS = MIR_SNAPSHOT_LOOKAHEAD | MIR_LEARNED_PARTS };

struct mir_played_kind {
    const char *name; /* static: of the policy */
    enum mir_wait_method fall_back;
    /*
     * What futures have of the expectation, in [0.1, 1]; the waits that `fall_back` predicts
     * have the rest, where they can be believed.  1: they are not asked for, and share= is no option.
     */
    double share;
};

/* `kind` is copied.  Returns 0 or -EINVAL for wrong options: the folders' READMEs have them. */
int mir_played_open(const struct mir_played_kind *kind,
                    const struct mirage_options *options,
                    void **state,
                    struct mir_error *err);

/* decide() and close(). */
int mir_played_decide(void *state,
                      const struct mirage_view *view,
                      struct mirage_decision *out,
                      struct mir_error *err);
void mir_played_close(void *state);

#endif
