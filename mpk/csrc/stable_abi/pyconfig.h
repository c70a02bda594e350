/* pyconfig.h - read by cffi's glue before Python.h; see there. No debug build of
 * Python is described here, so the glue uses the stable ABI. */
#ifndef GALEED_STABLE_ABI_PYCONFIG_H
#define GALEED_STABLE_ABI_PYCONFIG_H
#endif
