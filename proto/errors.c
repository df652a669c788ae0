#include "proto/errors.h"

#include <errno.h>
#include <stddef.h>

struct error_row {
	const char *name; /* NULL where the number has no row */
	const char *text;
	enum ftx_exit exit_code;
	bool retryable;
};

/* Indexed by the number on the wire. */
static const struct error_row errors[] = {
#define ERROR(NAME, name, number, exit_code, retryable, text)                                      \
	[number] = {#name, text, FTX_EXIT_##exit_code, (retryable) != 0},
#include "proto/errors.def"
};

static const char *const exits[] = {
#define EXIT(NAME, name, number, retry, meaning) [number] = #name,
#include "proto/errors.def"
};

/* NULL for a number without a row. */
static const struct error_row *
row_of_number(unsigned number)
{
	if (number >= sizeof(errors) / sizeof(errors[0]) || errors[number].name == NULL)
		return NULL;
	return &errors[number];
}

static const struct error_row *
row_of(int error)
{
	/* The unsigned negation is right for INT_MIN too. */
	return error < 0 ? row_of_number(-(unsigned)error) : NULL;
}

int
error_from_wire(unsigned code)
{
	return row_of_number(code) != NULL ? -(int)code : FTX_E_PROTOCOL;
}

const char *
error_name(int error)
{
	const struct error_row *row = row_of(error);

	return row != NULL ? row->name : "unknown";
}

const char *
error_text(int error)
{
	const struct error_row *row = row_of(error);

	return row != NULL ? row->text : "unknown error";
}

int
error_exit(int error)
{
	const struct error_row *row = row_of(error);

	if (error == 0)
		return FTX_EXIT_OK;
	return row != NULL ? (int)row->exit_code : FTX_EXIT_FAILURE;
}

bool
error_retryable(int error)
{
	const struct error_row *row = row_of(error);

	return row != NULL && row->retryable;
}

const char *
exit_name(int code)
{
	if (code < 0 || (size_t)code >= sizeof(exits) / sizeof(exits[0]) || exits[code] == NULL)
		return "unknown";
	return exits[code];
}

int
error_from_errno(int errnum)
{
	static const struct {
		int errnum;
		enum ftx_error error;
	} table[] = {
	    {EIO, FTX_E_IO},
	    {ENOMEM, FTX_E_NOMEM},
	    {EMFILE, FTX_E_NOMEM},
	    {ENFILE, FTX_E_NOMEM},
	    {ENOENT, FTX_E_NOT_FOUND},
	    {EACCES, FTX_E_DENIED},
	    {EPERM, FTX_E_DENIED},
	    {ELOOP, FTX_E_IS_LINK},
	    {EXDEV, FTX_E_OTHER_FILE_SYSTEM},
	    {ENOTDIR, FTX_E_CONFLICT},
	    {EISDIR, FTX_E_CONFLICT},
	    {EEXIST, FTX_E_EXISTS},
	    {ENOTEMPTY, FTX_E_NOT_EMPTY},
	    {ENOSPC, FTX_E_NO_SPACE},
	    {EDQUOT, FTX_E_QUOTA},
	    {EROFS, FTX_E_READ_ONLY},
	    {EBUSY, FTX_E_BUSY},
	    {EAGAIN, FTX_E_BUSY},
	    {ETXTBSY, FTX_E_BUSY},
	    {ESTALE, FTX_E_VANISHED},
	    {ENAMETOOLONG, FTX_E_NAME},
	    {EILSEQ, FTX_E_NAME},
	    {ENXIO, FTX_E_NOT_REGULAR},
	    {ENODEV, FTX_E_NOT_REGULAR},
	    {EFBIG, FTX_E_TOO_LARGE},
	    {EOVERFLOW, FTX_E_TOO_LARGE},
	    {ENOSYS, FTX_E_UNSUPPORTED},
	    {EOPNOTSUPP, FTX_E_UNSUPPORTED},
	    {EINTR, FTX_E_INTERRUPTED},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].errnum == errnum)
			return table[i].error;
	return FTX_E_IO;
}
