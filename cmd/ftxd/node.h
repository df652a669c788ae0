/*
 * What this node is called where several serve one file system: the file `node` in the state
 * directory, 16 hexadecimal digits by chance, made when it is first needed.
 */
#ifndef FTXD_NODE_H
#define FTXD_NODE_H

#include "src/store/upload.h"

/* 0; or a negative error with *why a clause for people, about state/node. */
int node_name(const char *state, char node[static UPLOAD_NODE_BYTES], const char **why);

#endif
