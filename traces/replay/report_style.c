/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * report_style.c - the style sheet of the HTML report.
 */
#include "traces/replay/report_html.h"

/* In parts: C promises 4095 characters of a string literal and no more. */
static const char COLOURS[] =
    ":root{color-scheme:light dark;--bg:#faf9f6;--card:#fff;--ink:#1c2228;--muted:#59636d;"
    "--line:#dedbd3;--soft:#f0eee8;--accent:#1d5c9e;--pred:#3d6f9f;--succ:#2c8367;"
    "--wait:#8f8a7c;--gap:#bf3328;--over:#e0992f;--over-line:#8a5200;--none:#2c8367;"
    "--on-gap:#fff;--best:#dcefe2;--best-ink:#0f4d31;--area:#b9cde0;--area2:#d9cdb4}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#14181c;--card:#1b2026;--ink:#e6e9ec;"
    "--muted:#a0abb5;--line:#343c44;--soft:#232a31;--accent:#7fb4ea;--pred:#5f97cb;"
    "--succ:#43ab88;--wait:#8d8878;--gap:#ef6a5d;--over:#e8a847;--over-line:#4a2c00;"
    "--none:#4fbf98;--on-gap:#210603;--best:#1c3d2d;--best-ink:#b6f0d0;--area:#33506b;"
    "--area2:#5a4f38}}\n";

static const char TEXT[] =
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"
    "\"Segoe UI\",Roboto,sans-serif}\n"
    "main,header,footer{max-width:1240px;margin:0 auto;padding:0 24px}\n"
    "header{padding-top:44px}\n"
    "h1{font-size:2rem;line-height:1.2;margin:0 0 .4em;letter-spacing:-.015em}\n"
    "h2{font-size:1.3rem;line-height:1.3;margin:2.2em 0 .4em;letter-spacing:-.01em}\n"
    "p{max-width:74ch;margin:.5em 0 1em}\n"
    ".lead{font-size:1.08rem}\n"
    ".muted,figcaption{color:var(--muted)}\n"
    "code{font:.86em/1.5 ui-monospace,Menlo,Consolas,monospace;overflow-wrap:anywhere}\n"
    ".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(210px,1fr));gap:14px;"
    "margin:1.4em 0;padding:0;list-style:none}\n"
    ".cards li,figure,.scroll,.made{background:var(--card);border:1px solid var(--line);"
    "border-radius:10px}\n"
    ".cards li{padding:14px 18px}\n"
    ".cards b{display:block;font-size:1.65rem;line-height:1.25;font-variant-numeric:tabular-nums;"
    "overflow-wrap:anywhere}\n"
    ".cards b.name{font-size:1.15rem;line-height:1.79}\n"
    ".cards span{color:var(--muted);font-size:.9rem}\n"
    ".warn{border-left:4px solid var(--gap);padding:.4em .9em;background:var(--card)}\n"
    "figure{margin:1em 0;padding:16px 18px 10px;overflow-x:auto}\n"
    "figcaption{font-size:.9rem;margin:.5em 0 .3em;max-width:84ch}\n"
    "dl{display:grid;grid-template-columns:fit-content(16rem) 1fr;gap:.45em 1.4em;"
    "margin:1em 0}\n"
    "dt{font-weight:600;min-width:6.5rem;overflow-wrap:break-word}dd{margin:0;max-width:72ch;"
    "overflow-wrap:anywhere}\n"
    ".made{padding:6px 20px}\n"
    "footer{color:var(--muted);font-size:.88rem;padding:40px 24px}\n";

static const char TABLES[] =
    ".scroll{overflow:auto;max-height:85vh;margin:1em 0}\n"
    "table{border-collapse:separate;border-spacing:0;width:100%;font-size:.88rem;"
    "font-variant-numeric:tabular-nums}\n"
    "th,td{padding:6px 10px;text-align:right;white-space:nowrap;vertical-align:baseline;"
    "border-bottom:1px solid var(--line)}\n"
    "tbody th{text-align:left;font-weight:600;position:sticky;left:0;background:var(--card);"
    "max-width:18rem;white-space:normal;overflow-wrap:anywhere;min-width:13rem}\n"
    "thead{position:sticky;top:0;z-index:2}\n"
    "thead th{background:var(--soft);font-weight:600;color:var(--muted);vertical-align:bottom}\n"
    "thead tr:first-child th{color:var(--ink)}\n"
    "thead th:first-child{text-align:left}\n"
    "thead tr:first-child th[rowspan]{position:sticky;left:0;z-index:3}\n"
    "th[colspan]{text-align:center}\n"
    "thead tr+tr th:first-child{text-align:right}\n"
    "th small{display:block;color:var(--gap);font-weight:600}\n"
    "td small{display:block;color:var(--muted);font-size:.8em;line-height:1.25}\n"
    "td.best{background:var(--best);color:var(--best-ink);font-weight:700}\n"
    "td.best small{color:inherit;font-weight:400}\n"
    "td.na{background:var(--soft)}\n"
    "tr.bound th,tr.bound td{font-style:italic;color:var(--muted)}\n"
    "tr.part th{text-align:left;background:var(--soft);padding-top:9px;max-width:none;"
    "white-space:nowrap}\n"
    "tr.part span{position:sticky;left:12px}\n"
    "tr.part span::first-letter{text-transform:uppercase}\n"
    "tbody:last-child tr:last-child>*{border-bottom:0}\n";

static const char CHARTS[] =
    "svg{display:block;width:100%;min-width:720px;height:auto}\n"
    "svg.defs{position:absolute;width:0;height:0;min-width:0}\n"
    "svg text{font-size:12.5px;fill:var(--ink);font-variant-numeric:tabular-nums}\n"
    "svg .end{text-anchor:end}svg .mid{text-anchor:middle}svg .muted{fill:var(--muted)}\n"
    "svg .strong{font-weight:650}svg .num{font-size:11.5px}svg .on-gap{fill:var(--on-gap)}\n"
    ".grid{stroke:var(--line)}.zero{stroke:var(--muted);stroke-width:1.2}\n"
    ".ink,.diamond{fill:var(--ink)}.diamond{stroke:var(--card);stroke-width:1.5}\n"
    ".c-pred{fill:var(--pred)}.c-succ,.s-succ{fill:var(--succ)}.c-gap{fill:var(--gap)}\n"
    ".c-wait{fill:url(#hatch);stroke:var(--wait)}.c-over{fill:url(#cross)}\n"
    ".p-hatch{stroke:var(--wait);stroke-width:2}.p-over{fill:var(--over)}\n"
    ".p-cross{stroke:var(--over-line);stroke-width:1.3;opacity:.55}\n"
    ".fade{fill:url(#fade)}.f0,.f1{stop-color:var(--succ)}.f1{stop-opacity:0}\n"
    ".whisker{fill:none;stroke:var(--ink);stroke-width:1.5}\n"
    ".halo{fill:none;stroke:var(--card);stroke-width:4;opacity:.8}\n"
    ".dot{fill:none;stroke-linecap:round;stroke-width:4.4;stroke-opacity:.68}\n"
    ".d-gap{stroke:var(--gap)}.d-over{stroke:var(--over)}.d-none{stroke:var(--none)}\n"
    ".area{fill:var(--area)}.a2{fill:var(--area2)}\n"
    ".curve{fill:none;stroke:var(--accent);stroke-width:1.8;stroke-linejoin:round}\n"
    ".limit{stroke:var(--ink);stroke-dasharray:5 4}\n"
    ".k0,.k1,.k2{fill:none;stroke-width:2;stroke-linejoin:round}\n"
    ".k0{stroke:var(--accent)}.k1{stroke:var(--over)}.k2{stroke:var(--wait)}\n"
    ".m0{fill:var(--accent)}.m1{fill:var(--over)}.m2{fill:var(--wait)}\n"
    "@media print{.scroll{max-height:none}thead,tbody th{position:static}}\n";

void mir_html_style(struct mir_str *s)
{
    mir_str_add(s, COLOURS);
    mir_str_add(s, TEXT);
    mir_str_add(s, TABLES);
    mir_str_add(s, CHARTS);
}
