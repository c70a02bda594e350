/* code_place.c - finds the function and the instruction that an address belongs to.
 *
 * Invariant: an instruction is named only when the walk from the first byte of its
 * function, which the unwind tables know also in stripped objects, came upon it.
 * ASSUMES: compilers put no data between the instructions of a function.
 *
 * Attacker: none has run yet (mpk_harden's precondition); the tables are read-only.
 *
 * Source: [LSB 10.6.2] the header's sorted table; [gABI] program headers.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include "code_length.h"
#include "code_place.h"

/* The encodings that linkers write; others are not understood. */
#define TABLE_VERSION 1
#define ENCODED_PCREL_SDATA4 0x1B
#define ENCODED_UDATA4 0x03
#define ENCODED_DATAREL_SDATA4 0x3B

struct table_entry { int32_t function, description; }; /* both from the header's own address */
struct table_header {
    uint8_t version, frame_encoding, count_encoding, entry_encoding;
    int32_t frame;
    uint32_t count;
    struct table_entry entries[];
};
struct description { uint32_t bytes, common; int32_t function; uint32_t function_bytes; }; /* an FDE's start */

struct search {
    uintptr_t address;
    struct code_place *out;
    const struct table_header *table;
};

static const char *short_name(const struct dl_phdr_info *info) {
    const char *name = info->dlpi_name;
    size_t room = sizeof((struct code_place *)0)->object, length = name ? strlen(name) : 0;
    if (length == 0) return "the program";
    return length < room ? name : name + length - room + 1;
}

static int visit_object(struct dl_phdr_info *info, size_t bytes, void *context) {
    struct search *search = context;
    bool found = false;
    (void)bytes;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_LOAD && search->address - start < segment->p_memsz) found = true;
        if (segment->p_type == PT_GNU_EH_FRAME) search->table = (const struct table_header *)start;
    }
    if (!found) {
        search->table = NULL;
        return 0;
    }
    snprintf(search->out->object, sizeof search->out->object, "%s", short_name(info));
    search->out->object_base = info->dlpi_addr;
    search->out->loader = info->dlpi_addr && info->dlpi_addr == getauxval(AT_BASE);
    return 1;
}

/* The function whose range holds the address; 0 none. *end: behind its last byte. */
static uintptr_t function_of(const struct table_header *table, uintptr_t address, uintptr_t *end) {
    if (!table || table->version != TABLE_VERSION || table->frame_encoding != ENCODED_PCREL_SDATA4 ||
        table->count_encoding != ENCODED_UDATA4 || table->entry_encoding != ENCODED_DATAREL_SDATA4)
        return 0;
    uintptr_t base = (uintptr_t)table;
    uint32_t low = 0, high = table->count; /* the last entry at or below the address is in [low, high) */
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (base + (uintptr_t)(intptr_t)table->entries[middle].function <= address) low = middle;
        else high = middle;
    }
    if (low == high) return 0;
    struct description description;
    uintptr_t function = base + (uintptr_t)(intptr_t)table->entries[low].function;
    uintptr_t at = base + (uintptr_t)(intptr_t)table->entries[low].description;
    memcpy(&description, (const void *)at, sizeof description);
    uintptr_t told = at + offsetof(struct description, function) + (uintptr_t)(intptr_t)description.function;
    if (told != function) return 0; /* encoded in another way, so that its size is not known */
    *end = function + description.function_bytes;
    return address - function < description.function_bytes ? function : 0;
}

static void walk(const struct code_view *view, uintptr_t end, uintptr_t address, struct code_place *out) {
    uintptr_t at = out->function;
    if (at < view->start || end < at || end > view->start + view->count) return;
    while (at <= address) {
        unsigned length = _mpk_code_length(view->bytes + (at - view->start), end - at);
        if (length == 0) return;
        if (address - at < length) {
            out->instruction = at;
            out->length = length;
            return;
        }
        at += length;
    }
}

void _mpk_code_place(const struct code_view *view, uintptr_t address, struct code_place *out) {
    struct search search = {.address = address, .out = out};
    uintptr_t end = 0;
    Dl_info nearest;
    *out = (struct code_place){.loader = false};
    if (!dl_iterate_phdr(visit_object, &search)) return;
    if (dladdr((void *)address, &nearest) && nearest.dli_sname) out->symbol = nearest.dli_sname;
    out->function = function_of(search.table, address, &end);
    if (out->function) walk(view, end, address, out);
}
