# The C runtime as a static library: libgaleed-mpk.a, its headers and a pkg-config file.
#
#   make install PREFIX=/usr/local      (an absolute path: the pkg-config file holds it)
#   cc program.c $(pkg-config --cflags --libs galeed-mpk)
#
# Neither Python nor Rust is needed. Static only: a shared one could be put between a
# program and its gates by whoever sets LD_PRELOAD or writes to its folder. What is
# compiled follows sources, headers, compiler and flags.

PREFIX ?= /usr/local
INCLUDEDIR ?= $(PREFIX)/include
LIBDIR ?= $(PREFIX)/lib
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
LIBRARY ?= build/library

LIBRARY_HEADERS := $(addprefix mpk/csrc/,mpk.h mpk_call.h mpk_harden.h mpk_heap.h mpk_keys.h mpk_scan.h mpk_sites.h)
LIBRARY_OBJECTS := $(patsubst mpk/csrc/%.c,$(LIBRARY)/%.o,$(sort $(wildcard mpk/csrc/*.c)))
# Hidden: a shared library that takes these objects in must not answer for another copy.
LIBRARY_COMPILE = $(CC) -std=gnu11 -O2 -fPIC -fvisibility=hidden -pthread $(CFLAGS)

.PHONY: absolute
absolute:
	@for path in '$(PREFIX)' '$(INCLUDEDIR)' '$(LIBDIR)' '$(PKGCONFIGDIR)'; do case "$$path" in \
	  *[!A-Za-z0-9/._+@%:,=~-]*) echo "make: '$$path' has characters that pkg-config and compilers would take apart; choose another path" >&2; exit 2;; \
	  /*|'') ;; \
	  *) echo "make: '$$path' is no absolute path, which PREFIX and the folders below it have to be" >&2; exit 2;; esac; done

.PHONY: library
library: $(LIBRARY)/libgaleed-mpk.a $(LIBRARY)/galeed-mpk.pc ## Compile the C runtime as a static library

.PHONY: install
install: absolute library ## Install it, its headers and a pkg-config file (PREFIX, DESTDIR)
	install -d '$(DESTDIR)$(INCLUDEDIR)/galeed' '$(DESTDIR)$(LIBDIR)' '$(DESTDIR)$(PKGCONFIGDIR)'
	install -m 644 $(LIBRARY_HEADERS) '$(DESTDIR)$(INCLUDEDIR)/galeed'
	install -m 644 $(LIBRARY)/libgaleed-mpk.a '$(DESTDIR)$(LIBDIR)'
	install -m 644 $(LIBRARY)/galeed-mpk.pc '$(DESTDIR)$(PKGCONFIGDIR)'

.PHONY: uninstall
uninstall: absolute ## Remove what install put there (same PREFIX, DESTDIR)
	rm -f $(patsubst mpk/csrc/%,'$(DESTDIR)$(INCLUDEDIR)/galeed/%',$(LIBRARY_HEADERS)) \
	  '$(DESTDIR)$(LIBDIR)/libgaleed-mpk.a' '$(DESTDIR)$(PKGCONFIGDIR)/galeed-mpk.pc'
	rmdir '$(DESTDIR)$(INCLUDEDIR)/galeed' 2>/dev/null || true

$(LIBRARY)/libgaleed-mpk.a: $(LIBRARY_OBJECTS)
	rm -f $@
	$(AR) rcs $@ $^

$(LIBRARY)/%.o: mpk/csrc/%.c $(LIBRARY)/compile
	$(LIBRARY_COMPILE) -MMD -MP -c $< -o $@

# Whatever depends on these two is made anew when their text would differ.
$(LIBRARY)/galeed-mpk.pc: absolute
$(LIBRARY)/compile: words = $(LIBRARY_COMPILE)
$(LIBRARY)/galeed-mpk.pc: words = prefix=$(PREFIX)\n\
  includedir=$(patsubst $(PREFIX)/%,$${prefix}/%,$(INCLUDEDIR))\n\
  libdir=$(patsubst $(PREFIX)/%,$${prefix}/%,$(LIBDIR))\n\n\
  Name: galeed-mpk\n\
  Description: Memory domains on protection keys: gates, heaps, virtual keys, hardening\n\
  Version: $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' mpk/__init__.py)\n\
  Cflags: -I$${includedir}/galeed\n\
  Libs: -L$${libdir} -lgaleed-mpk -pthread
$(LIBRARY)/compile $(LIBRARY)/galeed-mpk.pc: FORCE
	@mkdir -p $(@D)
	@printf '%b\n' '$(words)' | sed 's/^ *//' >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
.PHONY: FORCE
FORCE:

-include $(LIBRARY_OBJECTS:.o=.d)
