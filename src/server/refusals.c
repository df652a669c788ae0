#include "src/server/refusals.h"

#include "src/base/log.h"

#define SECOND_MS 1000u

enum place { COUNTED, LOGGED };

static const struct {
	const char *name;
	enum place place;
} table[REFUSALS] = {
#define REFUSAL(NAME, name, place) {name, place},
    REFUSAL_LIST
#undef REFUSAL
};

const char *
refusal_name(enum refusal why)
{
	return table[why].name;
}

bool
refusals_add(struct refusals *r, enum refusal why, uint64_t now_ms)
{
	r->count[why]++;
	if (table[why].place == COUNTED)
		return false;
	refusals_on_time(r, now_ms);
	if (r->since_ms == 0)
		r->since_ms = now_ms;
	if (r->lines < REFUSALS_LINES) {
		r->lines++;
		return true;
	}
	r->unlogged++;
	return false;
}

void
refusals_on_time(struct refusals *r, uint64_t now_ms)
{
	if (r->since_ms == 0 || now_ms - r->since_ms < SECOND_MS)
		return;
	if (r->unlogged > 0)
		log_warning("connections refused, not logged one by one count=%u", r->unlogged);
	r->since_ms = 0;
	r->lines = r->unlogged = 0;
}

uint64_t
refusals_next_ms(const struct refusals *r)
{
	return r->unlogged > 0 ? r->since_ms + SECOND_MS : UINT64_MAX;
}
