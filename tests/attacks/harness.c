/* harness.c - the judge: runs one variant under one policy and says what came out.
 *
 *   PROGRAM --list                      the variants, one a line
 *   PROGRAM VARIANT POLICY [nobody]     one run; prints one JSON line
 *
 * POLICY is a level, or parts of hardening: "code", "basic,seal" (mpk_harden_parse).
 * A library beside the program, PROGRAM.so, is ATTACK_LIBRARY for the process under attack.
 *
 * The judge makes the secret, starts itself anew as the process under attack, waits
 * for it and compares bytes. It shares with it one page of evidence and reads its
 * stderr and violation report afterwards. GALEED_BACKEND says which backend.
 *
 * Verdicts: "leaked", "changed", "harmless", "stopped ...", "trouble ...": the last
 * means that nothing was tested. Exit code 0 with a verdict, 2 without.
 */
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "evidence.h"
#include "inside.h"
#include "mpk_harden.h"
#include "verdict.h"

#define INSIDE "--inside"
#define NOBODY 65534
#define SECONDS_MOST 240 /* a policy alone takes a minute on a busy machine's emulated CPU */

static const struct attack *find_attack(const char *name) {
    for (const struct attack *attack = attacks; attack->variant; attack++)
        if (!strcmp(attack->variant, name)) return attack;
    return NULL;
}

static int find_policy(const char *name) {
    for (int policy = 0; policy < POLICY_PARTS; policy++)
        if (!strcmp(policy_names[policy], name)) return policy;
    struct mpk_harden_policy parts;
    if (mpk_harden_parse(name, &parts)) return -1;
    policy_names[POLICY_PARTS] = name;
    return POLICY_PARTS;
}

static _Noreturn void die(const char *what) {
    fprintf(stderr, "attack: %s: %s\n", what, strerror(errno));
    exit(2);
}

static int memory_file(const char *name) {
    int fd = memfd_create(name, 0);
    if (fd < 0 || fchmod(fd, 0666)) die(name);
    return fd;
}

/* What the process under attack is to prepare at its start. Secret memory counts as
 * locked: whoever starts a hardened program allows for it, or, where he may not, asks
 * for it as far as it can be had. */
static void ask_for_hardening(enum policy policy, int nobody) {
    struct rlimit locked = {RLIM_INFINITY, RLIM_INFINITY};
    struct mpk_harden_policy level;
    char text[256] = "";
    unsetenv("GALEED_HARDEN");
    if (policy <= POLICY_GATES || mpk_harden_parse(policy_names[policy], &level)) return;
    int refused = setrlimit(RLIMIT_MEMLOCK, &locked) && nobody;
    for (uint32_t part = 1; part <= level.parts; part <<= 1)
        if (level.parts & part) {
            size_t used = strlen(text);
            snprintf(text + used, sizeof text - used, "%s%s%s", used ? "," : "", mpk_harden_part_name(part),
                     part == MPK_HARDEN_SECRETMEM && refused ? "?" : "");
        }
    setenv("GALEED_HARDEN", text, 1);
}

/* By descriptor, like the program. */
static void offer_library(const char *program) {
    char path[4096], text[32];
    snprintf(path, sizeof path, "%s.so", program);
    int fd = open(path, O_RDONLY);
    if (fd < 0) return;
    snprintf(text, sizeof text, "/proc/self/fd/%d", fd);
    setenv("ATTACK_LIBRARY", text, 1);
}

static void become_nobody(void) {
    if (geteuid()) return; /* whoever starts this has no privileges either */
    if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY)) _exit(2);
}

/* In the child. The program is executed by descriptor: nobody need not reach its path. */
static _Noreturn void start_inside(char **words, enum policy policy, int evidence_fd, int report_fd, int nobody) {
    char evidence_text[16], report_text[32];
    int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    snprintf(evidence_text, sizeof evidence_text, "%d", evidence_fd);
    snprintf(report_text, sizeof report_text, "/proc/self/fd/%d", report_fd);
    setenv("GALEED_REPORT", report_text, 1);
    setenv("GALEED_ON_VIOLATION", "abort", 1);
    setenv("LD_BIND_NOW", "1", 1);
    ask_for_hardening(policy, nobody);
    offer_library(words[0]);
    if (nobody) become_nobody();
    char *arguments[] = {words[0], INSIDE, evidence_text, words[1], words[2], NULL};
    fexecve(self, arguments, environ);
    _exit(2);
}

/* Ends the process under attack, and what it has started, when time is out. */
static siginfo_t wait_for(pid_t child, int *timed_out) {
    siginfo_t ended = {0};
    for (int tenths = 0; tenths < SECONDS_MOST * 10; tenths++) {
        struct timespec pause = {0, tenths < 20 ? 5000000 : 100000000};
        if (waitid(P_PID, (id_t)child, &ended, WEXITED | WNOHANG)) die("waitid");
        if (ended.si_pid) return ended;
        nanosleep(&pause, NULL);
    }
    *timed_out = 1;
    kill(-child, SIGKILL);
    if (waitid(P_PID, (id_t)child, &ended, WEXITED)) die("waitid");
    return ended;
}

static int judge(char **words, enum policy policy, int nobody) {
    struct outcome outcome = {0};
    int evidence_fd = memory_file("evidence"), report_fd = memory_file("report"), error_fd = memory_file("stderr");
    if (ftruncate(evidence_fd, sizeof *evidence)) die("ftruncate");
    struct evidence *seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED, evidence_fd, 0);
    if (seen == MAP_FAILED) die("mmap");
    if (getrandom(outcome.secret, SECRET_BYTES, 0) != SECRET_BYTES) die("getrandom");
    memcpy(seen->secret, outcome.secret, SECRET_BYTES);
    pid_t child = fork();
    if (child < 0) die("fork");
    if (!child) {
        setpgid(0, 0);
        dup2(error_fd, STDERR_FILENO);
        start_inside(words, policy, evidence_fd, report_fd, nobody);
    }
    outcome.seen = seen;
    outcome.ended = wait_for(child, &outcome.timed_out);
    kill(-child, SIGKILL); /* children that the attack left behind */
    ssize_t got = pread(report_fd, outcome.report, sizeof outcome.report - 1, 0);
    outcome.report[got > 0 ? got : 0] = 0;
    got = pread(error_fd, outcome.words, sizeof outcome.words - 1, 0);
    outcome.words[got > 0 ? got : 0] = 0;
    verdict_print(&outcome);
    return 0;
}

int main(int count, char **words) {
    if (count == 2 && !strcmp(words[1], "--list")) {
        for (const struct attack *attack = attacks; attack->variant; attack++)
            printf("%s%s\n", attack->variant, attack->flags & ATTACK_CONTROL ? " control" : "");
        return 0;
    }
    int is_inside = count == 5 && !strcmp(words[1], INSIDE);
    char **named = words + (is_inside ? 2 : 0);
    const struct attack *attack = count >= 3 ? find_attack(named[1]) : NULL;
    int policy = attack ? find_policy(named[2]) : -1;
    if (policy < 0 || (!is_inside && count > 4) || (!is_inside && count == 4 && strcmp(words[3], "nobody"))) {
        fprintf(stderr, "usage: %s --list | VARIANT undefended|gates|basic|strict|full|PART,... [nobody]\n", words[0]);
        return 2;
    }
    if (!is_inside) return judge(words, (enum policy)policy, count == 4);
    inside(attack, (enum policy)policy, atoi(words[2]));
    return 2;
}
