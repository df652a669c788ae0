#include "src/client/outcome.h"

#include "proto/errors.h"

void
outcome_file(struct outcome *o, const struct transfer_file *f)
{
	o->total++;
	o->bytes_total += f->bytes;
	o->bytes_resumed += f->bytes_resumed;
	o->resumable = o->resumable || f->resumable;
	o->mode_not_kept = o->mode_not_kept || f->mode_not_kept;
	switch (f->status) {
	case STATUS_DONE:
	case STATUS_PLANNED:
		o->done++;
		break;
	case STATUS_SAME:
		o->same++;
		break;
	case STATUS_SKIPPED:
		o->skipped++;
		break;
	case STATUS_FAILED:
	case STATUS_CHANGED:
		o->failed++;
		break;
	}
}

void
outcome_error(struct outcome *o, int error)
{
	int code = error_exit(error);

	o->exits |= UINT32_C(1) << code;
	o->offline = o->offline || error == FTX_E_OFFLINE;
	if (o->first == 0)
		o->first = code;
}

int
outcome_exit(const struct outcome *o)
{
	/* What ends a run, whatever else happened. */
	static const int first[] = {FTX_EXIT_USAGE,	  FTX_EXIT_CONFIG,   FTX_EXIT_SERVER_KEY,
				    FTX_EXIT_KEY_REFUSED, FTX_EXIT_PROTOCOL, FTX_EXIT_NETWORK,
				    FTX_EXIT_NO_SPACE};

	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		if ((o->exits & UINT32_C(1) << first[i]) != 0)
			return first[i];
	if (o->offline)
		return FTX_EXIT_BUSY;
	if (o->asked <= 1)
		return o->first;
	if (o->exits == 0)
		return FTX_EXIT_OK;
	return o->exits == UINT32_C(1) << FTX_EXIT_CHANGED ? FTX_EXIT_CHANGED : FTX_EXIT_PARTIAL;
}
