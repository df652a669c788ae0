#include "tests/unit/client_lines.h"

#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"
#include "src/store/metadata.h"

struct listed
lines_one(const char *word, size_t length)
{
	struct listed line = {.kind = 0};
	struct attributes *a = &line.attributes;

	a->metadata.type = ENTRY_FILE;
	if (word[0] == '<') {
		line.kind = 1;
		a->metadata.type = ENTRY_DIRECTORY;
		word++;
		length--;
	} else if (length == 1 && word[0] == '!') {
		line.kind = 2;
		line.code = (uint16_t)-FTX_E_DENIED;
		length = 0;
	} else if (length > 1 && word[length - 1] == '/') {
		a->metadata.type = ENTRY_DIRECTORY;
		length--;
	} else if (word[length - 1] == '@') {
		a->metadata.type = ENTRY_SYMLINK;
		a->target = span_of("target");
		length--;
	}
	if (line.kind == 0 && length > 1 && word[length - 1] == '!') {
		a->metadata.type = a->metadata.type == ENTRY_DIRECTORY ? ENTRY_DIRECTORY : 0;
		line.code = (uint16_t)-FTX_E_VANISHED;
		length--;
	}
	line.path = (struct span){(const uint8_t *)word, length};
	return line;
}

uint64_t
lines_send(struct peer *p, const char *text)
{
	static struct listed lines[LIMIT_ENTRIES];
	struct message m = {.type = MESSAGE_ENTRIES};
	uint32_t count = 0;

	while (*text != '\0') {
		size_t length = strcspn(text, " ");

		lines[count++] = lines_one(text, length);
		text += length + (text[length] == ' ');
	}
	m.entries.lines.items = lines;
	m.entries.lines.count = count;
	peer_send(p, &m);
	return count;
}

void
lines_send_done(struct peer *p, uint64_t count)
{
	struct message m = {.type = MESSAGE_LIST_DONE};

	m.list_done.count = count;
	peer_send(p, &m);
}

bool
lines_until_next(struct peer *p)
{
	return peer_receive(p) && p->message.type == MESSAGE_LIST && peer_answer(p, MESSAGE_OK) &&
	       peer_receive(p) && p->message.type == MESSAGE_NEXT;
}

const char *lines_text;
int64_t lines_off;

void
lines_say(struct peer *p)
{
	const char *text = lines_text;
	uint64_t count = 0;
	unsigned parts;

	if (!lines_until_next(p))
		return;
	parts = p->message.next.parts;
	while (*text != '\0') {
		size_t length = strcspn(text, "|");
		char *part = strndup(text, length);

		if (parts == 0) {
			peer_answer(p, MESSAGE_MORE);
			if (!peer_receive(p) || p->message.type != MESSAGE_NEXT) {
				free(part);
				return;
			}
			parts = p->message.next.parts;
		}
		parts--;
		count += lines_send(p, part);
		free(part);
		text += length + (text[length] == '|');
	}
	lines_send_done(p, (uint64_t)((int64_t)count + lines_off));
	peer_linger(p);
}
