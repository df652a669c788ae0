/*
 * What the supervisor tells on its control socket: a line for each thing (page.h), in this order,
 *
 *	daemon	 the daemon itself
 *	refused	 connections that became no session, for each reason that there was
 *	share	 a share of the configuration
 *	client	 a client of it: the place for everything that is known of one, beside its sessions
 *	session	 a session
 *	end	 nothing was left out
 *
 * Who reads it passes over kinds and names that he does not know.
 */
#ifndef SERVER_STATUS_H
#define SERVER_STATUS_H

#include "src/server/page.h"

struct supervisor;

void status_write(const struct supervisor *s, struct page *page);

#endif
