/* ledger.h - what the library exports, for C and C++. */
#ifndef LEDGER_H
#define LEDGER_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ledger;
struct ledger *ledger_new(uint64_t secret);
long ledger_add(struct ledger *ledger, unsigned account, long amount);
long ledger_log(struct ledger *ledger, long *to, size_t room);
uintptr_t ledger_leak(struct ledger *ledger);
uint64_t ledger_secret(struct ledger *ledger);
long ledger_free(struct ledger *ledger);
long ledger_twice(struct ledger *ledger, unsigned account);
long ledger_each(struct ledger *ledger, void (*each)(void *, unsigned, long), void *context);

#ifdef __cplusplus
}
#endif
#endif
