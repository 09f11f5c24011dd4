/*
 * render.h - the published view as JSON text.  Keys are the names of the fields
 * in daemon/engine/view.h; a time of 0 and a number that is not known are null.
 * All return text that the caller frees.  json-c's reference counts are not
 * atomic, so nothing of it leaves these functions.  Any thread.
 */
#ifndef MIR_HTTP_RENDER_H
#define MIR_HTTP_RENDER_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/engine/view.h"

/*
 * `names` false leaves out who a chain belongs to and text that may tell: user,
 * account, name, uid, options, reason, token, the text of events, whose jobs a fan
 * names, and settings about users, accounts and admins.
 */
char *mir_render_status(const struct mir_view *view);
char *mir_render_queue(const struct mir_view *view);
char *mir_render_rpcs(const struct mir_view *view);
char *mir_render_model(const struct mir_view *view);
char *mir_render_config(const struct mir_view *view, bool names);

/* Open chains and those that ended within a day; `all`: each one. */
char *mir_render_chains(const struct mir_view *view, bool all, bool names);
char *mir_render_chain(const struct mir_view_chain *chain, bool names);

/*
 * The newest `n_max` decisions, oldest first, and all events and fans: of a link's
 * last decision that played futures out.  `strangers` false: of a fan's jobs only those of
 * the chain's own user are named, as Slurm may hide those of others.
 */
char *
mir_render_decisions(const struct mir_view_chain *chain, size_t n_max, bool names, bool strangers);

/* {"status":"ok"}, {"error":"..."}, and what a command was answered. */
char *mir_render_ok(void);
char *mir_render_error(const char *text);
char *mir_render_answer(const struct mir_answer *answer);
char *mir_render_forecast(const struct mir_view_forecast *forecast);
/* {"csv":"...","after":"..."}; after: null on the last page. */
char *mir_render_history(const struct mir_answer *answer);

#endif
