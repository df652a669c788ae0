/*
 * A list of records of any number in flat memory: up to 64 KiB of them are kept in memory, what is
 * more goes to a temporary file without a name, in $TMPDIR or /tmp, 64 KiB at a time.
 *
 * Life cycle: spool_new(), spool_append() of all records, then any number of readers, forward or
 * backward; spool_free() when the readers are gone.  Belongs to one thread at a time.  On the disk
 * a record takes 8 bytes more than it has.
 */
#ifndef CLIENT_SPOOL_H
#define CLIENT_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#define SPOOL_RECORD_BYTES (64u * 1024u)

struct spool;
struct spool_reader;

enum spool_order { SPOOL_FORWARD, SPOOL_BACKWARD };

/* NULL: out of memory. */
struct spool *spool_new(void);
void spool_free(struct spool *s);

/*
 * Copies record[0..length), 0..SPOOL_RECORD_BYTES, to the end of the list.  0 or the error of errno
 * for the temporary file (FTX_E_NO_SPACE ...); errno is kept.  After an error the list is what it
 * was and the same record may be tried again.  The program ignores SIGXFSZ.
 */
int spool_append(struct spool *s, const void *record, size_t length);

uint64_t spool_count(const struct spool *s);

/* The sum of the records' lengths. */
uint64_t spool_bytes(const struct spool *s);

/*
 * Reads all records from the first or from the last on.  Nothing is appended while there is a
 * reader.  NULL: out of memory.
 */
struct spool_reader *spool_reader_new(struct spool *s, enum spool_order order);
void spool_reader_free(struct spool_reader *r);

/*
 * The next record, valid until the next call on this reader; *record is NULL at the end.  0,
 * FTX_E_IO for a file that is not what was written, or the error of errno, which is kept.
 */
int spool_read(struct spool_reader *r, const void **record, size_t *length);

#endif
