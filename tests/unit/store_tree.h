/*
 * What the tests of trees share: a tree on the room.
 */
#ifndef TESTS_STORE_TREE_H
#define TESTS_STORE_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "src/store/tree.h"

extern struct tree *tree;
extern uint8_t flags;
extern struct metadata_rules tree_rules;

/* For a suite's .init and .fini: a tree on the room that may overwrite, as a client's. */
void tree_begin(void);
void tree_end(void);

/* Another one in its place. */
void tree_again(bool overwrite, int temp_dir);

/* 0755 each, also the last. */
void make_dirs(const char *path);
void make_link(const char *target, const char *name);
bool link_is(const char *name, const char *target);

/* mtime 1000000000.123456789. */
struct metadata metadata_for(enum entry_type type, mode_t mode);

#endif
