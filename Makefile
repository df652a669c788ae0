# ftx and ftxd.  `make help` lists the targets.
#
# O is the build directory, SAN the sanitizers: `make O=build/asan SAN=address,undefined`.

CC ?= gcc
O ?= build
SAN ?=
WERROR ?=
VERSION := 0.1.0

PREFIX ?= /usr/local
DESTDIR ?=
BINDIR = $(PREFIX)/bin
SBINDIR = $(PREFIX)/sbin
MANDIR = $(PREFIX)/share/man

WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla -Wformat=2 -Wundef -Wswitch-enum -Wcast-qual -Wwrite-strings
ifneq ($(SAN),)
MODE = -O1 -g -fno-omit-frame-pointer -fsanitize=$(SAN) -fno-sanitize-recover=all
MODE_LD = -fsanitize=$(SAN)
else
MODE = -O2 -g -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection \
	-fcf-protection -ftrivial-auto-var-init=zero
MODE_LD = -Wl,-z,relro,-z,now,-z,noexecstack
endif
CPPFLAGS += -D_GNU_SOURCE -DFTX_VERSION='"$(VERSION)"' -I.
ALL_CFLAGS = -std=c11 $(WARNINGS) $(if $(WERROR),-Werror) $(MODE) -fPIE -pthread $(CFLAGS)
ALL_LDFLAGS = -pie -pthread $(MODE_LD) $(LDFLAGS)

# The rooms, lowest first: a room may include those to its left, and no other
# (scripts/check-layers holds the exact rule).
ROOMS = proto src/base src/secure src/data src/store src/server src/client
LIBS_secure = -lsodium
LIBS_data = -lz -lzstd -lxxhash
LIBS_cli = -ljansson

objects = $(patsubst %.c,$(O)/%.o,$(wildcard $(1)/*.c))
ROOM_OBJECTS = $(foreach r,$(ROOMS),$(call objects,$(r)))
LOWER_OBJECTS = $(foreach r,$(filter-out src/server src/client,$(ROOMS)),$(call objects,$(r)))
UNIT_SOURCES = $(wildcard tests/unit/*.c)
UNIT_ROOMS = $(sort $(foreach s,$(UNIT_SOURCES),$(firstword $(subst _, ,$(notdir $(basename $(s)))))))

.PHONY: all unit e2e fault hostile asan analyze format format-check check check-layers check-headers \
	check-tables bench man install uninstall clean help
all: $(O)/ftx $(O)/ftxd

$(O)/ftx: $(call objects,cmd/ftx) $(LOWER_OBJECTS) $(call objects,src/client)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_secure) $(LIBS_data) $(LIBS_cli)
$(O)/ftxd: $(call objects,cmd/ftxd) $(LOWER_OBJECTS) $(call objects,src/server)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_secure) $(LIBS_data)

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# tests/unit/ROOM_subject.c: one Criterion program a room, linked with every room
# that the room itself may use, so a unit test cannot reach upward.
rooms_up_to_proto = proto
rooms_up_to_base = proto src/base
rooms_up_to_secure = proto src/base src/secure
rooms_up_to_data = $(rooms_up_to_secure) src/data
rooms_up_to_store = $(rooms_up_to_data) src/store
rooms_up_to_server = $(rooms_up_to_store) src/server
rooms_up_to_client = $(rooms_up_to_store) src/client
define unit_program
$(O)/tests/unit-$(1): $(patsubst %.c,$(O)/%.o,$(wildcard tests/unit/$(1)_*.c)) \
		$(foreach r,$(rooms_up_to_$(1)),$(call objects,$(r)))
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_CFLAGS) $$(ALL_LDFLAGS) -o $$@ $$^ $$(LIBS_secure) $$(LIBS_data) $$(LIBS_cli) -lcriterion
endef
$(foreach r,$(UNIT_ROOMS),$(eval $(call unit_program,$(r))))
UNIT_PROGRAMS = $(foreach r,$(UNIT_ROOMS),$(O)/tests/unit-$(r))
unit-programs: $(UNIT_PROGRAMS)
.PHONY: unit-programs

clean:
	rm -rf build

-include $(shell find $(O) -name '*.d' 2>/dev/null)
