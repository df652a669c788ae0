/*
 * Which version this is, as scripts/version told the build.
 */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

/* "0.1.0" or "0.1.0+5.g3f50eca12345": at most 48 bytes of printable ASCII without a space. */
extern const char version_text[];

/* "ftx/" and that: what the client calls itself (PROTOCOL.md, HELLO). */
extern const char version_agent[];

#endif
