/*
 * Limits of the wire: every count, length and range a peer can choose has its
 * maximum here, and PROTOCOL.md cites these names.
 */
#ifndef PROTO_LIMITS_H
#define PROTO_LIMITS_H

/* Content (PROTOCOL.md, "Content"). */
#define LIMIT_CHUNK_BYTES  (256u * 1024u)  /* raw bytes in one WRITE or DATA */
#define LIMIT_BLOCK_BYTES  (1024u * 1024u) /* bytes under one block digest */
#define LIMIT_FILE_BYTES   (UINT64_C(1) << 53)
#define LIMIT_DIGEST_BYTES 16u

/* Records (PROTOCOL.md, "Records"): plaintext of one record is 1..LIMIT_RECORD_PLAIN bytes. */
#define LIMIT_RECORD_PLAIN (LIMIT_CHUNK_BYTES + 64u)
#define LIMIT_RECORD_TAG   16u

/* Names and paths, in bytes. */
#define LIMIT_NAME_BYTES   255u
#define LIMIT_PATH_BYTES   4095u
#define LIMIT_PATH_DEPTH   128u
#define LIMIT_SHARE_BYTES  40u
#define LIMIT_AGENT_BYTES  64u
#define LIMIT_OWNER_BYTES  255u	  /* name of a user or group */
#define LIMIT_XATTRS_BYTES 65535u /* all extended attributes and ACLs of an entry, packed */
#define LIMIT_TEXT_BYTES   1024u

/* A connection. */
#define LIMIT_HANDLES		 64u /* open handles */
#define LIMIT_STREAMS		 64u /* connections of one run */
#define LIMIT_UNANSWERED	 64u /* requests without their final answer */
#define LIMIT_UNANSWERED_LEAST	 4u  /* what every server allows of them */
#define LIMIT_UNANSWERED_COMMITS 2u
#define LIMIT_SHARES		 256u
#define LIMIT_ENTRIES		 1024u /* items of one request, part or answer */
#define LIMIT_WALKS		 4u    /* listings that may be open at once */
#define LIMIT_NEXT_PARTS	 16u
#define LIMIT_GROUP_ITEMS	 4096u		      /* small files between two COMMIT_PACKS ... */
#define LIMIT_GROUP_BYTES	 (UINT64_C(64) << 20) /* ... and their bytes; the largest small file */
#define LIMIT_PATIENCE_S	 3600u

/* Lists.  A file with LIMIT_HAVE_RANGES ranges present has one more gap than that. */
#define LIMIT_HAVE_RANGES 4096u
#define LIMIT_GAP_RANGES  (LIMIT_HAVE_RANGES + 1u)

#endif
