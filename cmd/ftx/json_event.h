/*
 * Objects of --json (ftx(1), JSON EVENTS), built field by field and written whole.
 */
#ifndef FTX_JSON_EVENT_H
#define FTX_JSON_EVENT_H

#include <jansson.h>

#include "cmd/ftx/report.h"

/* With v, event and time.  Out of memory may lack fields; json_emit() notices. */
json_t *json_event(const char *event);

/* Takes value. */
void json_set(json_t *object, const char *key, json_t *value);
void json_set_count(json_t *object, const char *key, uint64_t n);
void json_set_text(json_t *object, const char *key, const char *text);

/* A name, and beside it KEY_b64 with its exact bytes where they are not UTF-8; NULL: null. */
void json_set_name(json_t *object, const char *key, const char *name);

/* A string to read: name escaped where it is not UTF-8. */
json_t *json_name_value(const char *name);
json_t *json_base64_value(const char *name);

/* Takes and writes the object. */
void json_emit(struct report *r, json_t *object);

void json_share(struct report *r, const char *name, uint8_t rights);
void json_directory(struct report *r, const char *path);
void json_entry(struct report *r, const struct shown_entry *e);
void json_space(struct report *r, const char *path, const struct message_space *s);
void json_server(struct report *r, const struct shown_server *s);
void json_difference(struct report *r, const struct shown_difference *d);

#endif
