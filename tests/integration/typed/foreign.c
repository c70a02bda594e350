/* Rewritten C under a host that lends by types: with the generated functions, and with its own idea
 * of the layout, as an old library has. */
#include "types.h"
#include <stdatomic.h>
#include <stdio.h>

struct limits {
    int16_t low;
    uint32_t high;
};

struct config {
    uint32_t percent;
    uint8_t flag, mode;
    char text[18];
    struct limits limits[2];
    struct config *next;
    uint64_t version;
    char *secret;
};

static struct config example = {40, 1, 7, "copied", {{-1, 2}, {-2, 3}}, NULL, 3, NULL};

static long by_functions(Config *config, long value) {
    Config_set_percent(config, (uint32_t)value);
    Config_set_mode(config, Mode_On);
    for (size_t at = 0; at < Config_text_count; at++) Config_set_text(config, at, (uint8_t)('a' + at));
    Limits_set_low(Config_get_limits(config, 1), -7);
    Config_set_percent(Config_get_next(config), 99);
    return (long)(Config_get_version(config) * 1000 + Config_get_percent(config));
}

static long swap_out(struct config *config) {
    struct config *next = config->next;
    config->next = NULL;
    return next->percent;
}

long foreign(int scenario, struct config *config, long value);
long foreign(int scenario, struct config *config, long value) {
    switch (scenario) {
    case 0: return by_functions((Config *)config, value);
    case 1: config->percent = (uint32_t)value; return config->percent;
    case 2: config->flag = (uint8_t)value; return config->flag;
    case 3: config->mode = (uint8_t)value; return config->mode;
    case 4: config->limits[1].low = (int16_t)value; return config->limits[1].low;
    case 5: config->version = (uint64_t)value; return 0;
    case 6: return config->secret != NULL;
    case 7: config->secret = NULL; return 0;
    case 8: memcpy(config, &example, (size_t)value); return config->percent;
    case 9: memset(config, (int)value, 4); return config->percent;
    case 10: return snprintf(config->text, sizeof config->text, "%ld", value);
    case 11: return atomic_fetch_add((_Atomic uint32_t *)&config->percent, (uint32_t)value);
    case 12: return swap_out(config);
    case 13: config->next = (struct config *)value; return 0;
    case 14: ((volatile uint8_t *)&config->percent)[1] = (uint8_t)value; return 0; /* a part */
    case 15: return (long)strlen(strcpy(config->text, "seventeen letters"));
    case 16: return snprintf((char *)&config->flag, 2, "%ld", value);
    default: return -1;
    }
}
