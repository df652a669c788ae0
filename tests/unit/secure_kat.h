/*
 * The known answers of tests/vectors/ftx1_kat.json, and bytes out of JSON.
 */
#ifndef TESTS_UNIT_SECURE_KAT_H
#define TESTS_UNIT_SECURE_KAT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* The file, found from FTX_TOP or the working directory.  A test without it fails. */
json_t *kat_load(void);

/* Bytes of the hex string object[name]; returns their number, at most capacity.  Fails the test
 * otherwise. */
size_t kat_hex(uint8_t *out, size_t capacity, const json_t *object, const char *name);

/* As kat_hex(), exactly length bytes. */
void kat_bytes(uint8_t *out, size_t length, const json_t *object, const char *name);

#endif
