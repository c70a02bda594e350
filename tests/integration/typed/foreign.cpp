// Rewritten C++ with the generated classes.
#include "types.h"
#include <type_traits>

static_assert(!std::is_default_constructible<Config>::value, "the host makes them");
static_assert(!std::is_copy_constructible<Config>::value && !std::is_destructible<Config>::value, "");

extern "C" long foreign_cxx(Config *config, long value) {
    config->set_percent(static_cast<uint32_t>(value));
    config->get_limits(0)->set_high(12);
    return static_cast<long>(config->get_percent() + config->get_version());
}
