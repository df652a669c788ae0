# ftx and ftxd.  `make help` lists the targets.
#
# O is the build directory, SAN the sanitizers: `make O=build/asan SAN=address,undefined`.

ifeq ($(origin CC),default)
CC = gcc
endif
O ?= build
SAN ?=
WERROR ?=
VERSION := $(shell scripts/version)

PREFIX ?= /usr/local
DESTDIR ?=
BINDIR = $(PREFIX)/bin
SBINDIR = $(PREFIX)/sbin
MANDIR = $(PREFIX)/share/man
DOCDIR = $(PREFIX)/share/doc/ftx
# Where each shell looks by itself, in /usr and in /usr/local.
BASHDIR = $(PREFIX)/share/bash-completion/completions
ZSHDIR = $(PREFIX)/share/zsh/site-functions
FISHDIR = $(PREFIX)/share/fish/vendor_completions.d
# Of systemd, which looks in /usr/lib and in /usr/local/lib.
LIBDIR = $(PREFIX)/lib
UNITDIR = $(LIBDIR)/systemd/system
CONFDIR = /etc/ftxd

WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla -Wformat=2 -Wundef -Wswitch-enum -Wcast-qual -Wwrite-strings
PIE = -fPIE
PIE_LD = -pie
ifneq ($(SAN),)
# What is not set is something else than the zero that the other build makes of it.
MODE = -O1 -g -fno-omit-frame-pointer -fsanitize=$(SAN) -fno-sanitize-recover=all -ftrivial-auto-var-init=pattern
MODE_LD = -fsanitize=$(SAN)
# gcc's default, a shared library, costs a third of the time of a short program.
ifneq ($(findstring address,$(SAN)),)
ifneq ($(shell $(CC) --version | grep -i 'free software foundation'),)
MODE_LD += -static-libasan -static-libubsan
endif
UNIT_MODE_OBJECTS = $(O)/tests/sanitizer/leak_roots.o
# What the sanitizer knows of each variable would be relocated at each start, a quarter of its time.
PIE = -fno-pie
PIE_LD = -no-pie
endif
else
# clang before 16 takes the last one only with leave.
ZERO_INIT = -ftrivial-auto-var-init=zero
ifneq ($(shell $(CC) $(ZERO_INIT) -fsyntax-only -x c /dev/null 2>&1),)
ZERO_INIT += -enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang
endif
MODE = -O2 -g -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection \
	-fcf-protection $(ZERO_INIT)
MODE_LD = -Wl,-z,relro,-z,now,-z,noexecstack
endif
CPPFLAGS += -D_GNU_SOURCE -I.
VERSION_FLAG = -DFTX_VERSION='"$(VERSION)"'
ALL_CFLAGS = -std=c11 $(WARNINGS) $(if $(WERROR),-Werror) $(MODE) $(PIE) -pthread $(CFLAGS)
ALL_LDFLAGS = $(PIE_LD) -pthread $(MODE_LD) -Wl,--as-needed $(LDFLAGS)

# The rooms, lowest first (scripts/check-layers holds who may include whom).
ROOMS = proto src/base src/secure src/data src/store src/server src/client
LIBS_secure = -lsodium
# A second, faster implementation of the record ciphers; LIBCRYPTO= leaves it out.
LIBCRYPTO ?= $(shell echo '\#include <openssl/evp.h>' | $(CC) -E - >/dev/null 2>&1 && echo yes)
ifneq ($(LIBCRYPTO),)
CPPFLAGS += -DFTX_LIBCRYPTO
LIBS_secure += -lcrypto
endif
LIBS_server = -lseccomp
LIBS_data = -lz -lzstd -lxxhash
LIBS_cli = -ljansson
# Of a tool of tests/lib.
LIBS_filtered = -lseccomp
LIBS_chaos = -lm

objects = $(patsubst %.c,$(O)/%.o,$(wildcard $(1)/*.c))
LOWER_OBJECTS = $(foreach r,$(filter-out src/server src/client,$(ROOMS)),$(call objects,$(r)))
C_FILES = $(wildcard $(addsuffix /*.[ch],$(ROOMS) proto/tables cmd/ftx cmd/ftxd \
	tests/harness tests/harness/verdicts tests/sanitizer tests/unit tests/hostile tests/hostile/race tests/fault tests/lib tests/bench))
C_SOURCES = $(filter %.c,$(C_FILES))

.PHONY: all unit-programs release-programs test-programs unit e2e fault hostile asan tsan campaign-kill campaign-tree-kill campaign-chaos campaign-memory campaign-flood campaign-race campaign-deb campaign-systemd \
	bench check check-layers check-paths check-directives check-clang check-headers check-shell check-tables format format-check analyze man \
	check-unit install install-built install-client install-server uninstall dist deb clean help FORCE
.SECONDARY:

all: $(O)/ftx $(O)/ftxd ## the two programs (default)

$(O)/ftx: $(call objects,cmd/ftx) $(LOWER_OBJECTS) $(call objects,src/client)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_secure) $(LIBS_data) $(LIBS_cli)
$(O)/ftxd: $(call objects,cmd/ftxd) $(LOWER_OBJECTS) $(call objects,src/server)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_secure) $(LIBS_data) $(LIBS_server)

# Tests compile in half the time when nothing optimizes them.
$(O)/tests/unit/%.o $(O)/tests/hostile/%.o $(O)/tests/harness/%.o: private override CFLAGS += -O0 -U_FORTIFY_SOURCE
$(O)/%.o: %.c $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Changes when the compiler or its options do, so that everything is compiled anew.
$(O)/flags: export FLAGS = $(CC) $(CPPFLAGS) $(ALL_CFLAGS)
$(O)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' "$$FLAGS" | cmp -s - $@ || printf '%s\n' "$$FLAGS" >$@

# Alone, so that another commit compiles nothing else anew.
$(O)/src/base/version.o: private CPPFLAGS += $(VERSION_FLAG)
$(O)/src/base/version.o: $(O)/version
$(O)/version: FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' >$@

# tests/unit/ROOM_subject.c: one program a room, linked with tests/harness and every room
# that the room itself may use, so a unit test cannot reach upward.
UNIT_ROOMS = $(sort $(foreach s,$(wildcard tests/unit/*.c),$(firstword $(subst _, ,$(notdir $(basename $(s)))))))
rooms_up_to_proto = proto
rooms_up_to_base = proto src/base
rooms_up_to_secure = proto src/base src/secure
rooms_up_to_data = $(rooms_up_to_secure) src/data
rooms_up_to_store = $(rooms_up_to_data) src/store
rooms_up_to_server = $(rooms_up_to_store) src/server
rooms_up_to_client = $(rooms_up_to_store) src/client
# unit_program(name, sources, the room it tests)
define unit_program
$(O)/tests/$(1): $(UNIT_MODE_OBJECTS) $(call objects,tests/harness) $(patsubst %.c,$(O)/%.o,$(2)) $(foreach r,$(rooms_up_to_$(3)),$(call objects,$(r)))
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_CFLAGS) $$(ALL_LDFLAGS) -o $$@ $$^ $$(LIBS_secure) $$(LIBS_data) $$(LIBS_cli) $$(LIBS_$(3))
endef
$(foreach r,$(UNIT_ROOMS),$(eval $(call unit_program,unit-$(r),$(wildcard tests/unit/$(r)_*.c),$(r))))
$(eval $(call unit_program,hostile-peers,$(wildcard tests/hostile/*.c),server))
# So that accepting can fail (tests/hostile/server_rig.c).
$(O)/tests/hostile-peers: private ALL_LDFLAGS += -Wl,--wrap=accept4
# A hostile server, of which it runs the client.
$(O)/tests/hostile-peers: | $(O)/ftx
$(eval $(call unit_program,hostile-race,tests/hostile/rig.c $(wildcard tests/hostile/race/*.c),server))
# So that it can be without what it tests (tests/hostile/race/protection.h).
$(O)/tests/hostile-race: ALL_LDFLAGS += -Wl,--wrap=openat,--wrap=__openat_2,--wrap=syscall
$(eval $(call unit_program,harness-verdicts,$(wildcard tests/harness/verdicts/*.c),base))
UNIT_PROGRAMS = $(addprefix $(O)/tests/unit-,$(UNIT_ROOMS))
HOSTILE_PROGRAM = $(O)/tests/hostile-peers
RACE_PROGRAM = $(O)/tests/hostile-race
TOOLS = $(patsubst tests/lib/%.c,$(O)/tests/%,$(wildcard tests/lib/*.c))
SHIMS = $(patsubst tests/fault/%.c,$(O)/tests/%.so,$(wildcard tests/fault/*.c))

$(TOOLS): $(O)/tests/%: $(O)/tests/lib/%.o
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(LIBS_$(*F))
# Preloaded into the programs under test: never with sanitizers.
$(SHIMS): $(O)/tests/%.so: tests/fault/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -std=c11 -O1 -g $(WARNINGS) $(if $(WERROR),-Werror) -fPIC -shared -pthread -o $@ $< -ldl
$(O)/proto-tables: $(call objects,proto/tables) $(call objects,proto)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^

unit-programs: $(UNIT_PROGRAMS)
# What runs without sanitizers in any case: filters of system calls, and what is preloaded.
release-programs: all $(O)/tests/unit-server $(HOSTILE_PROGRAM) $(O)/tests/harness-verdicts $(TOOLS) \
	$(if $(SAN),,$(RACE_PROGRAM) $(SHIMS))
test-programs: release-programs $(UNIT_PROGRAMS)

unit: unit-programs ## unit tests, one program a room
	tests/lib/run $(UNIT_PROGRAMS)
hostile: $(HOSTILE_PROGRAM) $(RACE_PROGRAM) ## hostile peers, and links that are exchanged for directories
	tests/lib/run $^
e2e: all $(TOOLS) ## both programs over loopback
	FTX_BUILD=$(O) tests/lib/run $(wildcard tests/e2e/*.sh)
fault: all $(TOOLS) $(SHIMS) ## failing calls, the order of syncs, kills
	FTX_ALL_ERRORS=1 FTX_BUILD=$(O) tests/lib/run $(wildcard tests/fault/*.sh)
asan: ## unit, hostile and e2e tests with address and undefined behaviour sanitizers
	$(MAKE) O=$(O)/asan SAN=address,undefined test-programs
	FTX_BUILD=$(O)/asan tests/lib/run $(UNIT_PROGRAMS:$(O)/%=$(O)/asan/%) \
		$(HOSTILE_PROGRAM:$(O)/%=$(O)/asan/%) \
		$(shell grep -L '^# Not with sanitizers' $(wildcard tests/e2e/*.sh))
tsan: all $(TOOLS) ## e2e tests with the client under the thread sanitizer
	$(MAKE) O=$(O)/tsan SAN=thread $(O)/tsan/ftx
	FTX_BUILD=$(O) FTX_CLIENT=$(O)/tsan/ftx tests/lib/run \
		$(shell grep -L '^# Not with sanitizers' $(wildcard tests/e2e/*.sh))
campaign-kill: all ## kill -9 at random points: COUNT (50) times, MIB (1024) each
	FTX_BUILD=$(O) tests/fault/kill-campaign $(or $(COUNT),50) $(or $(MIB),1024)
campaign-tree-kill: all ## the same with trees, in both directions: COUNT (100) times
	FTX_BUILD=$(O) tests/fault/tree-kill-campaign $(or $(COUNT),100)
campaign-chaos: all $(O)/tests/chaos ## a network that cuts and spoils COUNT (200) connections of trees and a big file
	FTX_BUILD=$(O) tests/fault/chaos-campaign $(or $(COUNT),200) $(SEED)
campaign-memory: all ## peak memory of both ends with a tree of COUNT (1000000) files
	FTX_BUILD=$(O) tests/bench/memory $(or $(COUNT),1000000)
campaign-flood: all $(O)/tests/strangers ## a client and a transfer among thousands of strangers: COUNT (200) runs
	FTX_BUILD=$(O) tests/bench/flood $(COUNT)
campaign-race: $(RACE_PROGRAM) ## links exchanged for directories under each request: SECONDS (60)
	FTX_RACE_SECONDS=$(or $(SECONDS),60) $(RACE_PROGRAM) -v
campaign-deb: all deb ## the packages: what lintian says, all that can happen to them, that another build gives the same
	lintian --fail-on error,warning --info $(O)/deb/*.changes
	FTX_BUILD=$(O) FTX_DEBS=$(O)/deb tests/lib/run tests/e2e/131-packages.sh
	TZ=Asia/Tokyo LC_ALL=C.UTF-8 O='$(O)' scripts/deb $(O)/deb-again
	for deb in $(O)/deb/*.deb; do cmp $$deb $(O)/deb-again/$${deb##*/} || exit; done
campaign-systemd: all deb ## the packages under a systemd of their own: killed, hung, upgraded, misconfigured
	FTX_BUILD=$(O) FTX_DEBS=$(O)/deb tests/fault/systemd-campaign
bench: all ## speed against the peers found here; BENCH='-w small', as tests/bench/run has it
	FTX_BUILD=$(O) tests/bench/run $(BENCH)

check: ## install what is missing, then everything
	scripts/check
check-layers: ## who includes whom
	scripts/check-layers
check-paths: ## no system call goes by a path in src/store and src/server
	scripts/check-paths
check-directives: ## ftxd.conf(5) has the directives of directives.def
	scripts/check-directives
CLANG_OPTIONS = $(CPPFLAGS) $(VERSION_FLAG) -std=c11 $(WARNINGS) -Werror -pthread -fPIE
# clang_link(program, its rooms): of objects beside copies of the files
clang_link = cd $(O)/clang && clang -pie -pthread -o $(1) $(addsuffix /*.o,cmd/$(1) $(2)) \
	$(LIBS_secure) $(LIBS_data) $(LIBS_server) $(LIBS_cli)
# Of the tests its warnings alone, which come before it makes code.
check-clang: ## clang builds the programs, and warns of nothing in the tests
	rm -rf $(O)/clang && mkdir -p $(O)/clang && cp -R proto src cmd $(O)/clang
	cd $(O)/clang && '$(CURDIR)'/scripts/check-clang -c $(CLANG_OPTIONS) -- $(filter-out tests/%,$(C_SOURCES))
	$(call clang_link,ftx,$(rooms_up_to_client))
	$(call clang_link,ftxd,$(rooms_up_to_server))
	scripts/check-clang -fsyntax-only $(CLANG_OPTIONS) -Wno-gnu-zero-variadic-macro-arguments -- \
		$(filter tests/%,$(C_SOURCES))
check-unit: ## how exposed the unit is, by systemd-analyze
	scripts/check-unit
check-headers: ## every header compiles alone
	scripts/check-headers
SHELL_SCRIPTS = $(shell grep -rlE '^#!/bin/sh|^#!/usr/bin/env bash|^# shellcheck shell' .ci scripts tests)
# Not what scripts source again for each of them, which is two thirds of the time: what they know of
# variables (SC2154, SC2034) and of -e (SC2164) from there, analyze looks at.
check-shell: ## shellcheck every script
	printf '%s\n' $(SHELL_SCRIPTS) | \
		xargs -n 20 -P 2 shellcheck -e SC1091,SC2034,SC2119,SC2120,SC2154,SC2164
check-tables: $(O)/proto-tables ## PROTOCOL.md has the field tables of messages.def
	scripts/check-tables $(O)/proto-tables
.PHONY: check-options
check-options: $(O)/ftx ## the manual pages have the options of the programs
	scripts/check-options $(O)/ftx
format: ## clang-format every C file
	clang-format -i $(C_FILES)
format-check:
	clang-format --dry-run -Werror $(C_FILES)
# Left out of clang-tidy: memcpy as deprecated in favour of functions no C library has; any strcpy, also
# into room that was measured just before; va_lists, wrong about all files but the first; values that
# statx and getsockname fill, which it does not know; padding.
# Left out of gcc's: values not set, as it does not see into error_from_errno() that this is never 0 (-Wall
# says of them what it can); leaks and double frees, as it loses sight of what a structure holds once memory
# was written to through another pointer, and takes the members of a union for one another (clang-tidy and
# the sanitizers look for both).
# Left out of cppcheck: a structure filled through a pointer to its member, which it takes for unset.
TIDY = -*,clang-analyzer-*,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling,$\
	-clang-analyzer-security.insecureAPI.strcpy,-clang-analyzer-valist.*,$\
	-clang-analyzer-core.UndefinedBinaryOperatorResult,$\
	-clang-analyzer-optin.performance.Padding
FANALYZER = -fanalyzer -Wno-analyzer-use-of-uninitialized-value -Wno-analyzer-malloc-leak \
	-Wno-analyzer-double-free
analyze: ## clang-tidy, gcc -fanalyzer, cppcheck, scripts with what they source
	printf '%s\n' $(filter-out tests/%,$(C_SOURCES)) | xargs -I FILE -P 2 \
		clang-tidy --quiet --checks='$(TIDY)' --warnings-as-errors='*' FILE -- $(CPPFLAGS) $(VERSION_FLAG) -std=c11
	$(MAKE) O=$(O)/analyze CC=gcc CFLAGS='$(FANALYZER)' WERROR=1 all
	cppcheck --quiet --enable=warning,portability --suppress=uninitvar --suppress=ctuuninitvar --inline-suppr \
		--error-exitcode=1 $(CPPFLAGS) $(VERSION_FLAG) $(filter-out tests/%,$(C_SOURCES))
	shellcheck -x -P SCRIPTDIR -e SC2119,SC2120 $(SHELL_SCRIPTS)
man: ## check the manual pages
	mandoc -T lint -W warning $(PAGES)

PAGES = $(wildcard man/*.[1-8])
# install_pages(those of man)
define install_pages
for page in $(1); do \
	install -D -m 644 $$page $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/} || exit; \
done
endef
install: all ## into DESTDIR and PREFIX; without DESTDIR also the user and the directories
	@$(MAKE) --no-print-directory install-built
	@[ -n "$(DESTDIR)" ] || scripts/set-up "$(LIBDIR)"
install-built: install-client install-server ## the same of what is built, and nothing but files
install-client:
	install -D -m 755 $(O)/ftx $(DESTDIR)$(BINDIR)/ftx
	$(call install_pages,$(filter-out man/ftxd%,$(PAGES)))
	install -D -m 644 proto/PROTOCOL.md $(DESTDIR)$(DOCDIR)/PROTOCOL.md
	install -D -m 644 scripts/completions/ftx.bash $(DESTDIR)$(BASHDIR)/ftx
	install -D -m 644 scripts/completions/_ftx $(DESTDIR)$(ZSHDIR)/_ftx
	install -D -m 644 scripts/completions/ftx.fish $(DESTDIR)$(FISHDIR)/ftx.fish
# A configuration that is there stays as it is.
install-server:
	install -D -m 755 $(O)/ftxd $(DESTDIR)$(SBINDIR)/ftxd
	$(call install_pages,$(filter man/ftxd%,$(PAGES)))
	install -D -m 644 scripts/systemd/ftxd.socket $(DESTDIR)$(UNITDIR)/ftxd.socket
	sed 's|@SBINDIR@|$(SBINDIR)|' scripts/systemd/ftxd.service.in | \
		install -m 644 /dev/stdin $(DESTDIR)$(UNITDIR)/ftxd.service
	install -D -m 644 scripts/systemd/ftxd.sysusers $(DESTDIR)$(LIBDIR)/sysusers.d/ftxd.conf
	install -D -m 644 scripts/systemd/ftxd.tmpfiles $(DESTDIR)$(LIBDIR)/tmpfiles.d/ftxd.conf
	install -d -m 755 $(DESTDIR)$(CONFDIR) $(DESTDIR)$(CONFDIR)/clients.d
	[ -e $(DESTDIR)$(CONFDIR)/ftxd.conf ] || \
		install -m 644 scripts/systemd/ftxd.conf $(DESTDIR)$(CONFDIR)/ftxd.conf
# Keeps what was changed, the clients, the state, and the files of the share.
uninstall:
	rm -f $(DESTDIR)$(BINDIR)/ftx $(DESTDIR)$(SBINDIR)/ftxd
	for page in $(PAGES); do rm -f $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/}; done
	rm -f $(DESTDIR)$(DOCDIR)/PROTOCOL.md $(DESTDIR)$(BASHDIR)/ftx $(DESTDIR)$(ZSHDIR)/_ftx \
		$(DESTDIR)$(FISHDIR)/ftx.fish
	rm -f $(DESTDIR)$(UNITDIR)/ftxd.socket $(DESTDIR)$(UNITDIR)/ftxd.service \
		$(DESTDIR)$(LIBDIR)/sysusers.d/ftxd.conf $(DESTDIR)$(LIBDIR)/tmpfiles.d/ftxd.conf
	! cmp -s scripts/systemd/ftxd.conf $(DESTDIR)$(CONFDIR)/ftxd.conf || rm $(DESTDIR)$(CONFDIR)/ftxd.conf
	rmdir $(DESTDIR)$(CONFDIR)/clients.d $(DESTDIR)$(CONFDIR) 2>/dev/null || :
dist: ## the source, as build/ftx-VERSION.tar.xz
	O='$(O)' scripts/dist $(O)
deb: ## Debian packages of both programs, in build/deb
	O='$(O)' scripts/deb $(O)/deb
clean: ## remove the build directory
	rm -rf $(O)
help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## \(.*\)/\1\t\2/p' Makefile | expand -t 16

-include $(patsubst %.c,$(O)/%.d,$(C_SOURCES))
