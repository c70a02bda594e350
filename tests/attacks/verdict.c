/* verdict.c - from evidence to one line of words, the same in every run.
 *
 * Order: a leak counts before a change, a change before what ended the process, and
 * that before a refused call. Numbers that differ from run to run (addresses, the
 * domain's key) are named, not printed.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include "recorder.h"
#include "verdict.h"

#define VERDICT_BYTES 512
#define WORD 8 /* one word of the secret is a leak: 2^-64 by chance, times 8 K places */

static const char *const stages[] = {" before the start", " in prepare", " in the policy", "",
                                     " in the host", " in the second call", " in the check", ""};

static int leaked(const struct outcome *outcome) {
    const struct evidence *seen = outcome->seen;
    for (size_t i = 0; i + WORD <= SECRET_BYTES; i += WORD)
        if (memmem(seen->handed, seen->handed_bytes, outcome->secret + i, WORD)) return 1;
    return 0;
}

/* The value of "name":"..." in the report's first line. */
static int field(const char *report, const char *name, char *out, size_t bytes) {
    char pattern[32];
    snprintf(pattern, sizeof pattern, "\"%s\":\"", name);
    const char *at = strstr(report, pattern);
    if (!at) return 0;
    at += strlen(pattern);
    snprintf(out, bytes, "%.*s", (int)strcspn(at, "\""), at);
    return 1;
}

static void add_key(char *out, size_t bytes, int key, int of_domain) {
    size_t used = strlen(out);
    snprintf(out + used, bytes - used, key == of_domain ? " key=domain" : " key=%d", key);
}

static void say_signal(char *out, const struct evidence *seen) {
    snprintf(out, VERDICT_BYTES, "stopped SIG%s code=%d", sigabbrev_np(seen->signal_number), seen->signal_code);
    if (seen->signal_number == SIGSEGV && seen->signal_code == SEGV_PKUERR)
        add_key(out, VERDICT_BYTES, seen->signal_key, seen->key);
    if (seen->signal_number == SIGSYS) {
        size_t used = strlen(out);
        snprintf(out + used, VERDICT_BYTES - used, " syscall=%d", seen->signal_syscall);
    }
}

static int say_violation(char *out, const struct outcome *outcome) {
    char kind[32], access[32], detail[80];
    const char *key = strstr(outcome->report, "\"key\":");
    int number;
    if (!field(outcome->report, "violation", kind, sizeof kind)) return 0;
    if (!field(outcome->report, "access", access, sizeof access)) strcpy(access, "unknown");
    snprintf(out, VERDICT_BYTES, "stopped violation %s %s", kind, access);
    if (key && sscanf(key, "\"key\":%d", &number) == 1) add_key(out, VERDICT_BYTES, number, outcome->seen->key);
    if (field(outcome->report, "detail", detail, sizeof detail) && strstr(detail, "host code"))
        strncat(out, " by the host", VERDICT_BYTES - strlen(out) - 1);
    return 1;
}

/* The runtime's own last words. What differs from run to run becomes #: words of
 * hexadecimal digits with a decimal one among them. */
static int say_fatal(char *out, const char *words) {
    static const char sign[] = "galeed: fatal: ";
    const char *at = strstr(words, sign);
    if (!at) return 0;
    size_t used = (size_t)snprintf(out, VERDICT_BYTES, "stopped fatal: ");
    for (at += sizeof sign - 1; *at && *at != '\n' && used < VERDICT_BYTES - 1;) {
        size_t length = strspn(at, "0123456789abcdefx");
        int whole = !isalnum((unsigned char)at[-1]) && !isalnum((unsigned char)at[length]);
        if (whole && strcspn(at, "0123456789") < length) {
            out[used++] = '#';
            at += length;
        } else {
            out[used++] = *at++;
        }
    }
    out[used] = 0;
    return 1;
}

static void say(char *out, const struct outcome *outcome) {
    const struct evidence *seen = outcome->seen;
    int code = outcome->ended.si_status, by_signal = outcome->ended.si_code != CLD_EXITED;
    const char *where = seen->stage <= STAGE_DONE ? stages[seen->stage] : "";
    if (seen->trouble[0]) {
        snprintf(out, VERDICT_BYTES, "trouble: %.400s", seen->trouble);
        return;
    }
    if (seen->start_error) {
        snprintf(out, VERDICT_BYTES, "stopped start error=%d", seen->start_error);
        return;
    }
    if (seen->harden_refused[0]) {
        snprintf(out, VERDICT_BYTES, "stopped mpk_harden %s", seen->harden_refused);
        return;
    }
    if (leaked(outcome)) {
        strcpy(out, "leaked");
        return;
    }
    static const unsigned char zeros[SECRET_BYTES];
    if (seen->stage == STAGE_DONE && memcmp(seen->found, seen->erased ? zeros : outcome->secret, SECRET_BYTES)) {
        strcpy(out, "changed");
        return;
    }
    if (outcome->timed_out) strcpy(out, "stopped hang");
    else if (!by_signal && code == RECORDED && seen->signal_number) say_signal(out, seen);
    else if (by_signal && say_violation(out, outcome)) (void)0;
    else if (by_signal && code == SIGABRT && say_fatal(out, outcome->words)) (void)0;
    else if (by_signal) snprintf(out, VERDICT_BYTES, "stopped killed SIG%s", sigabbrev_np(code));
    else if (seen->stage != STAGE_DONE) snprintf(out, VERDICT_BYTES, "stopped exit %d", code);
    else if (seen->signal_number && seen->signal_process != seen->process) {
        say_signal(out, seen);
        where = " in a child";
    } else if (say_violation(out, outcome)) where = " in a child";
    else if (seen->refused_error) {
        snprintf(out, VERDICT_BYTES, "stopped %s %s", seen->refused_call, strerrorname_np(seen->refused_error));
        return;
    } else {
        strcpy(out, "harmless");
        return;
    }
    strncat(out, where, VERDICT_BYTES - strlen(out) - 1);
}

static void print_string(const char *name, const char *text) {
    printf("\"%s\":\"", name);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') printf("\\%c", c);
        else if (c < 0x20 || c >= 0x7f) printf("\\u%04x", c);
        else putchar(c);
    }
    putchar('"');
}

void verdict_print(const struct outcome *outcome) {
    char text[VERDICT_BYTES] = "";
    const struct evidence *seen = outcome->seen;
    say(text, outcome);
    putchar('{');
    print_string("verdict", text);
    printf(",\"handed_bytes\":%u,", seen->handed_bytes);
    print_string("refused", seen->refused_call);
    printf(",\"errno\":%d,\"signal\":%d,\"si_code\":%d,\"key\":%d,\"domain_key\":%d,", seen->refused_error,
           seen->signal_number, seen->signal_code, seen->signal_key, seen->key);
    printf("\"address\":\"0x%lx\",\"page\":\"0x%lx\",\"exit\":%d,", (unsigned long)seen->signal_address,
           (unsigned long)seen->page, outcome->ended.si_status);
    print_string("report", outcome->report);
    putchar(',');
    print_string("stderr", outcome->words);
    printf("}\n");
}
