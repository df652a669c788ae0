#include "cmd/ftx/json_event.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/clock.h"
#include "src/base/display.h"
#include "src/base/encoding.h"

void
json_set(json_t *object, const char *key, json_t *value)
{
	(void)json_object_set_new(object, key, value);
}

void
json_set_count(json_t *object, const char *key, uint64_t n)
{
	json_set(object, key, json_integer((json_int_t)n));
}

void
json_set_text(json_t *object, const char *key, const char *text)
{
	json_set(object, key, json_string(text));
}

/* Bytes that are not UTF-8 cannot stand in JSON: an escaped form for reading. */
json_t *
json_name_value(const char *name)
{
	char shown[DISPLAY_PATH_BYTES];
	size_t length = strlen(name);

	if (utf8_valid(name, length))
		return json_stringn(name, length);
	return json_string(display_escape(shown, sizeof(shown), name, length));
}

json_t *
json_base64_value(const char *name)
{
	/* char may be read as bytes. */
	char *text = base64_encode((const uint8_t *)name, strlen(name));
	json_t *value = json_string(text != NULL ? text : "");

	free(text);
	return value;
}

/* A name, and beside it KEY_b64 with its exact bytes where they are not UTF-8. */
void
json_set_name(json_t *object, const char *key, const char *name)
{
	char exact[32];

	json_set(object, key, name != NULL ? json_name_value(name) : json_null());
	if (name == NULL || utf8_valid(name, strlen(name)))
		return;
	snprintf(exact, sizeof(exact), "%s_b64", key);
	json_set(object, exact, json_base64_value(name));
}

json_t *
json_event(const char *event)
{
	json_t *object = json_object();
	char time[25];

	json_set(object, "v", json_integer(1));
	json_set_text(object, "event", event);
	json_set_text(object, "time", clock_utc(time));
	return object;
}

void
json_emit(struct report *r, json_t *object)
{
	size_t length = json_dumpb(object, NULL, 0, JSON_COMPACT | JSON_REAL_PRECISION(12));
	char *line = length > 0 ? malloc(length + 1) : NULL;

	if (line != NULL) {
		(void)json_dumpb(object, line, length, JSON_COMPACT | JSON_REAL_PRECISION(12));
		line[length] = '\n';
		report_output(r, line, length + 1);
	} else if (r->output_errnum == 0) {
		r->output_errnum = ENOMEM;
	}
	free(line);
	json_decref(object);
}
