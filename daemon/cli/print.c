/* SPDX-License-Identifier: GPL-3.0-or-later */
/* print.c - times, durations, tables and complaints. */
#include "daemon/cli/cli.h"

#include <math.h>
#include <stdarg.h>

#include "daemon/core/parse.h"
#include "daemon/core/zone.h"

void mir_print_duration(int64_t s, struct mir_str *out)
{
    uint64_t left = s < 0 ? 0 - (uint64_t)s : (uint64_t)s;
    unsigned long long days = left / 86400, hours = left / 3600 % 24;
    unsigned minutes = (unsigned)(left / 60 % 60), seconds = (unsigned)(left % 60);

    if (s < 0)
        mir_str_add(out, "-");
    if (days > 0)
        mir_str_addf(out, "%llu-%02llu:%02u:%02u", days, hours, minutes, seconds);
    else if (hours > 0)
        mir_str_addf(out, "%llu:%02u:%02u", hours, minutes, seconds);
    else
        mir_str_addf(out, "%u:%02u", minutes, seconds);
}

void mir_print_time(const struct mir_cli *cli, int64_t at, struct mir_str *out)
{
    char text[32];

    /* Beyond the year 9999 on either side there is nothing to show, and sums could overflow. */
    if (at < -62135596800 || at > 253402214400) {
        mir_str_add(out, "?");
        return;
    }
    if (cli->zone != NULL)
        at += mir_zone_offset_at(cli->zone, at);
    mir_str_add(out, mir_format_time(at, text));
    if (cli->zone == NULL)
        mir_str_add(out, "Z");
}

static void add_released(struct mir_table *t, struct mir_str *text)
{
    mir_table_add(t, text->text);
    mir_str_release(text);
}

void mir_cell_time(struct mir_table *t, const struct mir_cli *cli, int64_t at)
{
    struct mir_str text = {0};

    if (cli->format == MIR_FORMAT_BARS && at != 0)
        mir_str_addf(&text, "%lld", (long long)at);
    else if (at != 0)
        mir_print_time(cli, at, &text);
    else
        mir_str_add(&text, cli->format == MIR_FORMAT_BARS ? "" : "-");
    add_released(t, &text);
}

void mir_cell_duration(struct mir_table *t, const struct mir_cli *cli, double s)
{
    struct mir_str text = {0};

    if (!(fabs(s) < 1e15)) /* NAN too */
        mir_str_add(&text, cli->format == MIR_FORMAT_BARS ? "" : "-");
    else if (cli->format == MIR_FORMAT_BARS)
        mir_str_addf(&text, "%.0f", s);
    else
        mir_print_duration((int64_t)nearbyint(s), &text);
    add_released(t, &text);
}

void mir_cell_int(struct mir_table *t, int64_t value)
{
    struct mir_str text = {0};

    mir_str_addf(&text, "%lld", (long long)value);
    add_released(t, &text);
}

void mir_cell_text(struct mir_table *t, const struct mir_cli *cli, const char *text)
{
    mir_table_add(t, text[0] == '\0' && cli->format != MIR_FORMAT_BARS ? "-" : text);
}

void mir_cell_pair(struct mir_table *t, const char *key, const char *value)
{
    mir_table_add(t, key);
    mir_table_add(t, value);
}

void mir_print_table(const struct mir_cli *cli, struct mir_table *t)
{
    struct mir_str text = {0};

    mir_str_add(&text, "");
    if (cli->format == MIR_FORMAT_BARS)
        mir_table_bars(t, cli->header, &text);
    else
        mir_table_align(t, cli->header, cli->width, &text);
    (void)fputs(text.text, cli->out);
    mir_str_release(&text);
    mir_table_release(t);
}

void mir_print_json(const struct mir_cli *cli, struct json_object *o)
{
    (void)fprintf(cli->out, "%s\n",
                  json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
                                                        JSON_C_TO_STRING_SPACED |
                                                        JSON_C_TO_STRING_NOSLASHESCAPE));
}

void mir_print_complaint(const struct mir_cli *cli, const char *fmt, ...)
{
    struct mir_str clean = {0};
    char text[1024];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    mir_table_clean(text, &clean);
    (void)fprintf(cli->err, "mirage: %s\n", clean.text);
    mir_str_release(&clean);
}
