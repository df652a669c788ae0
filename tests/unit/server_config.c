/*
 * ftxd.conf(5): what each directive becomes, and every way of being wrong.
 */
#include "tests/harness/unit.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/secure/keyfile.h"
#include "src/server/config.h"

static char directory[64];
static char main_file[128];
static char keys[3][KEY_TEXT_CHARS + 1];

static void
setup(void)
{
	cr_assert(sodium_init() >= 0);
	unit_directory(directory, sizeof(directory), "config");
	snprintf(main_file, sizeof(main_file), "%s/ftxd.conf", directory);
	for (uint8_t i = 0; i < 3; i++) {
		uint8_t key[KEY_BYTES] = {i + 1};

		key_format(keys[i], key);
	}
}

static void
teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", directory);
	cr_assert_eq(system(command), 0);
}

TestSuite(config, .init = setup, .fini = teardown);

/* "@1", "@2", "@3" in text become public keys. */
static void
write_file(const char *path, const char *text, size_t length)
{
	FILE *f = fopen(path, "w");

	cr_assert(f != NULL);
	for (size_t i = 0; i < length; i++)
		if (text[i] == '@' && i + 1 < length && text[i + 1] >= '1' && text[i + 1] <= '3')
			fputs(keys[text[++i] - '1'], f);
		else
			fputc(text[i], f);
	cr_assert_eq(fclose(f), 0);
	cr_assert_eq(chmod(path, 0644), 0);
}

static void
write_main(const char *text)
{
	write_file(main_file, text, strlen(text));
}

static void
write_client(const char *name, const char *text)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/clients.d", directory);
	(void)mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/clients.d/%s", directory, name);
	write_file(path, text, strlen(text));
}

static struct config *
load(void)
{
	struct config *c = NULL;
	struct ini_error error;

	cr_assert_eq(config_load(&c, main_file, &error), 0, "%s", error.text);
	return c;
}

static struct config *
load_main(const char *text)
{
	write_main(text);
	return load();
}

/* Nothing else but a line number and these words. */
static void
expect_refused(const char *file, unsigned line, const char *words)
{
	struct config *c = NULL;
	struct ini_error error = {.text = "(nothing)"};
	char start[256];

	cr_expect(config_load(&c, main_file, &error) < 0, "taken: %s", words);
	if (line > 0)
		snprintf(start, sizeof(start), "%s/%s:%u: ", directory, file, line);
	else
		snprintf(start, sizeof(start), "%s/%s: ", directory, file);
	cr_expect(strncmp(error.text, start, strlen(start)) == 0, "'%s' does not begin with '%s'",
		  error.text, start);
	cr_expect(strstr(error.text, words) != NULL, "'%s' does not say '%s'", error.text, words);
}

static void
refuse_main(const char *text, unsigned line, const char *words)
{
	write_main(text);
	expect_refused("ftxd.conf", line, words);
}

static void
refuse_client(const char *name, const char *text, unsigned line, const char *words)
{
	char file[160];

	write_client(name, text);
	snprintf(file, sizeof(file), "clients.d/%s", name);
	expect_refused(file, line, words);
}

#define SHARE  "[share s]\npath = /srv\n"
#define CLIENT "[client c]\nkey = @1\nshare = s=full\n"

Test(config, an_empty_file_is_all_defaults)
{
	struct config *c;
	const struct server_config *s;

	c = load_main("");
	s = config_server(c);
	cr_expect_eq(s->listen_count, 1);
	cr_expect_str_eq(s->listen[0].host, "::");
	cr_expect_eq(s->listen[0].port, 7389);
	cr_expect_null(s->public_address);
	cr_expect_eq(s->key_file_count, 0);
	cr_expect_str_eq(s->state, "/var/lib/ftxd");
	cr_expect_not(s->has_user);
	cr_expect_eq(s->log_level, LOG_LEVEL_INFO);
	cr_expect_null(s->control);
	cr_expect_eq(s->file_log, FILE_LOG_NONE);
	cr_expect_null(s->metrics_file);
	cr_expect_eq(s->max_connections, 1024);
	cr_expect_eq(s->max_handshakes, 128);
	cr_expect_eq(s->handshake_timeout_ms, 5000);
	cr_expect_eq(s->stall_timeout_ms, 120000);
	cr_expect_eq(s->drain_time_ms, 10000);
	cr_expect_eq(s->penalty_ms, 1000);
	cr_expect_eq(s->penalty_max_ms, 600000);
	cr_expect_eq(s->trusted_proxy_count, 0);
	cr_expect_eq(s->session_memory, 64 << 20);
	cr_expect_not(s->require_sandbox);
	cr_expect_eq(s->partial_expire_ms, UINT64_C(7) * 86400000);
	cr_expect_eq(s->quota_scan_ms, 86400000);
	cr_expect_eq(config_policy(c)->client_count, 0);
	config_free(c);
}

Test(config, each_directive_of_the_server_is_kept)
{
	struct config *c;
	const struct server_config *s;

	c = load_main("[server]\nlisten = 127.0.0.1:1\nlisten = [::1]:2\n"
		      "public-address = [2001:db8::1]:7000\nkey = /etc/ftxd/server-key\n"
		      "key = /etc/ftxd/old-key\n"
		      "state = /var/lib/other/\nuser = nobody\nlog-level = warning\n"
		      "control = /run/ftxd/control\nlog-files = changes\n"
		      "metrics-file = /run/ftxd/ftxd.prom\n"
		      "max-connections = 7\nmax-handshakes = 3\nhandshake-timeout = 1500ms\n"
		      "stall-timeout = 2m\ndrain-time = 1h\nsession-memory = 1G\n"
		      "require-sandbox = yes\npenalty = 3s\npenalty-max = 1d\n"
		      "trusted-proxy = 192.0.2.0/28\ntrusted-proxy = 2001:db8::7\n"
		      "partial-expire = 30d\nquota-scan = 90m\n");
	s = config_server(c);
	cr_expect_eq(s->listen_count, 2);
	cr_expect_eq(s->listen[1].port, 2);
	cr_expect_str_eq(s->public_address, "[2001:db8::1]:7000");
	cr_expect_eq(s->key_file_count, 2);
	cr_expect_str_eq(s->key_files[0], "/etc/ftxd/server-key");
	cr_expect_str_eq(s->key_files[1], "/etc/ftxd/old-key");
	cr_expect_str_eq(s->state, "/var/lib/other");
	cr_expect(s->has_user && s->user == 65534);
	cr_expect_eq(s->log_level, LOG_LEVEL_WARNING);
	cr_expect_str_eq(s->control, "/run/ftxd/control");
	cr_expect_eq(s->file_log, FILE_LOG_CHANGES);
	cr_expect_str_eq(s->metrics_file, "/run/ftxd/ftxd.prom");
	cr_expect_eq(s->max_connections, 7);
	cr_expect_eq(s->max_handshakes, 3);
	cr_expect_eq(s->handshake_timeout_ms, 1500);
	cr_expect_eq(s->stall_timeout_ms, 120000);
	cr_expect_eq(s->drain_time_ms, 3600000);
	cr_expect_eq(s->penalty_ms, 3000);
	cr_expect_eq(s->penalty_max_ms, 86400000);
	cr_assert_eq(s->trusted_proxy_count, 2);
	cr_expect(s->trusted_proxies[0].v4 && s->trusted_proxies[0].bits == 28);
	cr_expect(!s->trusted_proxies[1].v4 && s->trusted_proxies[1].bits == 128);
	cr_expect_eq(s->session_memory, 1 << 30);
	cr_expect(s->require_sandbox);
	cr_expect_eq(s->partial_expire_ms, UINT64_C(30) * 86400000);
	cr_expect_eq(s->quota_scan_ms, 90 * 60000);
	config_free(c);
}

Test(config, each_directive_of_a_share_reaches_its_clients)
{
	struct config *c;
	const struct grant *g;

	c = load_main(
	    "[client c]\nkey = @1\nshare = s:/a/b/=list,put,delete\nshare = t=full\n"
	    "[share s]\npath = /srv/x/\nmin-free = 12.5%\nrequire-mount = yes\n"
	    "umask = 077\nsymlinks = refuse\nquota = 3T\nquota-files = 2M\n"
	    "[share t]\npath = /srv/t\nmin-free = 2G\nread-only = yes\nshared-fs = yes\n");
	cr_assert_eq(config_policy(c)->share_count, 2);
	cr_expect_str_eq(config_policy(c)->shares[0].path, "/srv/x");
	g = config_policy(c)->clients[0].grants;
	cr_expect_str_eq(g[0].share, "s");
	cr_expect_str_eq(g[0].path, "/srv/x");
	cr_expect_str_eq(g[0].subtree, "a/b");
	cr_expect_eq(g[0].rights, RIGHT_LIST | RIGHT_PUT | RIGHT_DELETE);
	cr_expect_eq(g[0].rules.min_free_hundredths, 1250);
	cr_expect_eq(g[0].rules.min_free_bytes, 0);
	cr_expect(g[0].rules.require_mount && g[0].rules.refuse_symlinks);
	cr_expect(g[0].rules.has_umask && g[0].rules.umask_bits == 077);
	cr_expect_eq(g[0].rules.quota.bytes, UINT64_C(3) << 40);
	cr_expect_eq(g[0].rules.quota.files, 2 << 20);
	cr_expect(g[1].rules.quota.bytes == 0 && g[1].rules.quota.files == 0, "no limit");
	cr_expect_eq(g[1].rights, RIGHT_LIST | RIGHT_GET, "a share that is read only");
	cr_expect_str_eq(g[1].subtree, "");
	cr_expect_eq(g[1].rules.min_free_bytes, UINT64_C(2) << 30);
	cr_expect_eq(g[1].rules.min_free_hundredths, 0, "only what is said");
	cr_expect_eq(g[1].rules.umask_bits, 027, "the default");
	cr_expect_not(g[1].rules.require_mount);
	cr_expect(g[1].rules.shared_fs && !g[0].rules.shared_fs);
	config_free(c);
}

Test(config, clients_have_what_they_say_and_else_what_clients_says)
{
	struct config *c;
	const struct client_policy *one, *two;

	write_main(
	    SHARE
	    "[client one]\nkey = @1\nkey = @2\nshare = s=full\nfrom = 192.0.2.1\n"
	    "max-connections = 2\nexpires = 2027-01-01\n"
	    "rate = 100K\nquota = 5G\nquota-files = 7\nexpect-every = 26h\n"
	    "[clients]\nrate = 1M\nfrom = 10.0.0.0/8\nfrom = 2001:db8::/32\nmax-connections = 5\n"
	    "max-file-size = 1M\nquota = 6G\nquota-files = 1K\nexpect-every = 7d\n");
	write_client("two.conf", "[client two]\nkey = @3\nshare = s=readonly\nenabled = no\n"
				 "expires = 2027-06-30T12:00:01Z\n");
	c = load();
	one = policy_of_name(config_policy(c), "one");
	two = policy_of_name(config_policy(c), "two");
	cr_assert(one != NULL && two != NULL);
	cr_expect_eq(one->key_count, 2);
	cr_expect_eq(one->from_count, 1);
	cr_expect_eq(one->max_connections, 2);
	cr_expect_eq(one->max_file_bytes, 1 << 20);
	cr_expect_eq(one->expires_s, 1798761600);
	cr_expect_not(one->disabled);
	cr_expect_eq(one->rate, 100 << 10);
	cr_expect_eq(one->quota.bytes, UINT64_C(5) << 30);
	cr_expect_eq(one->quota.files, 7);
	cr_expect_eq(one->expect_every_ms, 26 * 3600000);
	cr_expect_eq(two->quota.bytes, UINT64_C(6) << 30);
	cr_expect_eq(two->quota.files, 1024);
	cr_expect_eq(two->expect_every_ms, 7 * 86400000);
	cr_expect_eq(two->rate, 1 << 20);
	cr_expect_eq(two->from_count, 2);
	cr_expect_eq(two->max_connections, 5);
	cr_expect_eq(two->expires_s, 1814356801);
	cr_expect(two->disabled);
	cr_expect_neq(strstr(config_client_place(c, "two"), "/clients.d/two.conf:1"), NULL);
	config_free(c);
}

Test(config, clients_have_sixteen_connections_unless_something_else_is_said)
{
	struct config *c;

	c = load_main(SHARE CLIENT);
	cr_expect_eq(config_policy(c)->clients[0].max_connections, 16);
	cr_expect_eq(config_policy(c)->clients[0].max_file_bytes, 0);
	cr_expect_eq(config_policy(c)->clients[0].quota.bytes, 0);
	cr_expect_eq(config_policy(c)->clients[0].quota.files, 0);
	cr_expect_eq(config_policy(c)->clients[0].expect_every_ms, 0);
	cr_expect_eq(config_policy(c)->clients[0].from_count, 0);
	config_free(c);
}

Test(config, other_names_in_clients_d_are_not_read)
{
	struct config *c;

	write_main(SHARE);
	write_client("a.conf.bak", "nonsense");
	write_client(".a.conf", "nonsense");
	write_client(".conf", "nonsense");
	write_client("README", "nonsense");
	write_client("b.conf", CLIENT);
	c = load();
	cr_expect_eq(config_policy(c)->client_count, 1);
	config_free(c);
}

static const struct {
	const char *text;
	unsigned line;
	const char *words;
} wrong[] = {
    /* the format */
    {"listen = [::]:1\n", 1, "before any section"},
    {"[server]\n", 1, "empty"},
    {"[server]\nstate = /a\n[server]\nstate = /b\n", 3, "twice"},
    {"[server]\nstate = /a\nstate = /b\n", 3, "'state' is there twice"},
    {"[server]\n state = /a\n", 2, "white space"},
    {"[server]\nstate = /a\r\n", 2, "carriage return"},
    {"\xef\xbb\xbf[server]\nstate = /a\n", 1, "byte order mark"},
    {"[server]\nstate =\n", 2, "no value"},
    {"[server]\nstate\n", 2, "KEY = VALUE"},
    {"[server]\ncolour = red\n", 2, "no key 'colour'"},
    {"[daemon]\nstate = /a\n", 1, "'daemon'"},
    {"[server main]\nstate = /a\n", 1, "no name"},
    {"[share]\npath = /a\n", 1, "lacks its name"},
    {"[share a/b]\npath = /a\n", 1, "is no name"},
    {"[share s] ; here\npath = /a\n", 1, "nothing stands after it"},
    {"[clients]\nkey = @1\n", 2, "no key 'key'"},
    {"[clients]\nenabled = no\n", 2, "no key 'enabled'"},
    /* [server] */
    {"[server]\nlisten = localhost:7389\n", 2, "ADDRESS:PORT"},
    {"[server]\nlisten = 127.0.0.1\n", 2, "ADDRESS:PORT"},
    {"[server]\nlisten = [::]:70000\n", 2, "ADDRESS:PORT"},
    {"[server]\npublic-address = a b\n", 2, "HOST:PORT"},
    {"[server]\npublic-address = host:0\n", 2, "HOST:PORT"},
    {"[server]\npublic-address = host/share\n", 2, "HOST:PORT"},
    {"[server]\npublic-address = host:65536\n", 2, "HOST:PORT"},
    {"[server]\npublic-address = host:\n", 2, "HOST:PORT"},
    {"[server]\nkey = server-key\n", 2, "begins with '/'"},
    {"[server]\nkey = /k\nkey = /k\n", 3, "same file twice"},
    {"[server]\nkey = /a\nkey = /b\nkey = /c\n", 4, "more than 2 times"},
    {"[server]\nstate = ./state\n", 2, "begins with '/'"},
    {"[server]\nuser = no-such-user-here\n", 2, "no user of this name"},
    {"[server]\nuser = root\n", 2, "never root"},
    {"[server]\nlog-level = loud\n", 2, "error, warning, info or debug"},
    {"[server]\nlog-files = some\n", 2, "none, changes or all"},
    {"[server]\nlog-files = none\nlog-files = all\n", 3, "log-files"},
    {"[server]\ncontrol = run/control\n", 2, "begins with '/'"},
    {"[server]\ncontrol = /0123456789012345678901234567890123456789012345678901234567890123456789"
     "0123456789012345678901234567890123456789\n",
     2, "up to 107 bytes"},
    {"[server]\ncontrol = /a\ncontrol = /b\n", 3, "control"},
    {"[server]\nmetrics-file = ftxd.prom\n", 2, "begins with '/'"},
    {"[server]\nmetrics-file = /run/ftxd/\n", 2, "path of a file"},
    {"[server]\nmetrics-file = /a\nmetrics-file = /b\n", 3, "metrics-file"},
    {"[server]\nmax-connections = 1\n", 2, "from 2 to 1024"},
    {"[server]\nmax-connections = 1025\n", 2, "from 2 to 1024"},
    {"[server]\nmax-connections = 4294967297\n", 2, "from 2 to 1024"},
    {"[server]\nmax-connections = many\n", 2, "from 2 to 1024"},
    {"[server]\nmax-connections = 5 \xc2\xa0\n", 2, "from 2 to 1024"},
    {"[server]\nmax-handshakes = 129\n", 2, "from 1 to 128"},
    {"[server]\nhandshake-timeout = 0\n", 2, "duration"},
    {"[server]\nhandshake-timeout = 61s\n", 2, "duration"},
    {"[server]\nstall-timeout = soon\n", 2, "duration"},
    {"[server]\ndrain-time = 2h\n", 2, "duration"},
    {"[server]\npenalty = 99ms\n", 2, "duration"},
    {"[server]\npenalty-max = 25h\n", 2, "duration"},
    {"[server]\ntrusted-proxy = proxy.example.org\n", 2, "names are not looked up"},
    {"[server]\ntrusted-proxy = 10.0.0.1/8\n", 2, "bits set behind"},
    {"[server]\npenalty = 11m\n", 0, "penalty is more than penalty-max"},
    {"[server]\nsession-memory = 31M\n", 2, "size"},
    {"[server]\nrequire-sandbox = true\n", 2, "yes or no"},
    {"[server]\npartial-expire = 0\n", 2, "duration"},
    {"[server]\npartial-expire = 999ms\n", 2, "duration"},
    {"[server]\npartial-expire = never\n", 2, "duration"},
    {"[server]\nquota-scan = 0\n", 2, "duration"},
    {"[server]\nquota-scan = 367d\n", 2, "duration"},
    /* [share] */
    {"[share s]\numask = 027\n", 1, "has no path"},
    {"[share s]\npath = srv\n", 2, "begins with '/'"},
    {SHARE "min-free = 100%\n", 3, "below 100%"},
    {SHARE "min-free = 1.234%\n", 3, "below 100%"},
    {SHARE "min-free = -1\n", 3, "size"},
    {SHARE "require-mount = 1\n", 3, "yes or no"},
    {SHARE "umask = 0700\n", 3, "owner"},
    {SHARE "umask = 8\n", 3, "octal"},
    {SHARE "umask = 1022\n", 3, "octal"},
    {SHARE "symlinks = follow\n", 3, "keep or refuse"},
    {SHARE "read-only = no way\n", 3, "yes or no"},
    {SHARE "quota = 0\n", 3, "size"},
    {SHARE "quota = 50%\n", 3, "size"},
    {SHARE "quota = 1M\nquota = 2M\n", 4, "'quota' is there twice"},
    {SHARE "quota-files = 0\n", 3, "number of files"},
    {SHARE "quota-files = 2T\n", 3, "number of files"},
    /* [client] */
    {SHARE "[client c]\nshare = s=full\n", 3, "has no key"},
    {SHARE "[client c]\nkey = @1\n", 3, "has no share"},
    {SHARE "[client c]\nkey = short\n", 4, "43 characters"},
    {SHARE "[client c]\nkey = @1\nkey = @1\n", 5, "[client c]"},
    {SHARE "[client c]\nkey = invite\nkey = invite\nshare = s=full\n", 5, "not two"},
    {SHARE "[client c]\nkey = invite\n", 3, "has no share"},
    {SHARE "[client c]\nkey = Invite\nshare = s=full\n", 4, "43 characters"},
    {SHARE "[client c]\nkey = @1\nkey = @2\nkey = @3\n", 6, "more than 2 times"},
    {SHARE CLIENT "[client d]\nkey = @1\nshare = s=full\n", 7, "[client c]"},
    {SHARE "[client c]\nkey = @1\nshare = s\n", 5, "SHARE=RIGHTS"},
    {SHARE "[client c]\nkey = @1\nshare = s=\n", 5, "rights are"},
    {SHARE "[client c]\nkey = @1\nshare = s=list,,get\n", 5, "rights are"},
    {SHARE "[client c]\nkey = @1\nshare = s=list,write\n", 5, "rights are"},
    {SHARE "[client c]\nkey = @1\nshare = s:sub=full\n", 5, "begins with '/'"},
    {SHARE "[client c]\nkey = @1\nshare = s:/a/../b=full\n", 5, "no path"},
    {SHARE "[client c]\nkey = @1\nshare = s:/.ftx=full\n", 5, "no path"},
    {SHARE "[client c]\nkey = @1\nshare = :/a=full\n", 5, "no name of a share"},
    {SHARE "[client c]\nkey = @1\nshare = s=full\nshare = s:/a=get\n", 6, "there twice"},
    {"[client c]\nkey = @1\nshare = s=full\n", 3, "no section [share s]"},
    {SHARE CLIENT "rate = 63K\n", 6, "size"},
    {SHARE CLIENT "rate = 0\n", 6, "size"},
    {SHARE CLIENT "rate = fast\n", 6, "size"},
    {SHARE CLIENT "from = example.org\n", 6, "names are not looked up"},
    {SHARE CLIENT "from = 10.0.0.0/33\n", 6, "from 0 to 32"},
    {SHARE CLIENT "from = ::/129\n", 6, "from 0 to 128"},
    {SHARE CLIENT "from = 10.0.0.1/8\n", 6, "bits set"},
    {SHARE CLIENT "from = 10.0.0.0/\n", 6, "from 0 to 32"},
    {SHARE CLIENT "expires = tomorrow\n", 6, "2027-01-01"},
    {SHARE CLIENT "expires = 2027-02-30\n", 6, "2027-01-01"},
    {SHARE CLIENT "expires = 2027-1-1\n", 6, "2027-01-01"},
    {SHARE CLIENT "expires = 2027-01-01T00:00:00\n", 6, "2027-01-01"},
    {SHARE CLIENT "expires = 1969-12-31\n", 6, "2027-01-01"},
    {SHARE CLIENT "max-connections = 1\n", 6, "from 2 to 1024"},
    {SHARE CLIENT "max-file-size = 0\n", 6, "size"},
    {SHARE CLIENT "max-file-size = 0.5\n", 6, "size"},
    {SHARE CLIENT "enabled = maybe\n", 6, "yes or no"},
    {SHARE CLIENT "quota = 0\n", 6, "size"},
    {SHARE CLIENT "quota = 2000000T\n", 6, "size"},
    {SHARE CLIENT "quota-files = -1\n", 6, "number of files"},
    {SHARE CLIENT "quota-files = many\n", 6, "number of files"},
    {SHARE CLIENT "expect-every = 0\n", 6, "duration"},
    {SHARE CLIENT "expect-every = 10y\n", 6, "duration"},
    {SHARE CLIENT "expect-every = 1h\nexpect-every = 2h\n", 7, "twice"},
    {"[clients]\nquota = none\n", 2, "size"},
    {"[clients]\nquota-files = 0\n", 2, "number of files"},
    {"[clients]\nexpect-every = daily\n", 2, "duration"},
    {"[server]\nquota = 1G\n", 2, "no key 'quota'"},
    {SHARE "expect-every = 1h\n", 3, "no key 'expect-every'"},
    {"[clients]\nmax-connections = 1\n", 2, "from 2 to 1024"},
    {"[clients]\nfrom = nowhere\n", 2, "ADDRESS"},
};

Test(config, refuses_what_is_wrong_with_its_line)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		refuse_main(wrong[i].text, wrong[i].line, wrong[i].words);
	}
}

Test(config, refuses_a_zero_byte)
{
	static const char text[] = "[server]\nstate = /a\0b\n";

	write_file(main_file, text, sizeof(text) - 1);
	expect_refused("ftxd.conf", 2, "zero byte");
}

Test(config, refuses_a_line_that_is_too_long)
{
	static char text[5000];

	memset(text, 'a', 4200);
	memcpy(text, "[server]\nstate = /", 18);
	text[9 + 4096] = '\n';
	text[9 + 4097] = '\0';
	write_main(text);
	config_free(load());
	memmove(text + 10, text + 9, 4100);
	text[9] = 's';
	refuse_main(text, 2, "longer than 4096");
}

Test(config, refuses_a_client_that_is_in_two_files)
{
	write_main(SHARE CLIENT);
	refuse_client("c.conf", "\n\n[client c]\nkey = @2\nshare = s=full\n", 4, "ftxd.conf:3");
	refuse_client("c.conf", "[client d]\nkey = @1\nshare = s=full\n", 2, "ftxd.conf:3");
}

Test(config, refuses_other_sections_in_clients_d)
{
	write_main(SHARE);
	refuse_client("c.conf", "[server]\nstate = /a\n", 1, "no kind of section 'server'");
	refuse_client("c.conf", "[clients]\nmax-connections = 1\n", 1,
		      "no kind of section 'clients'");
	refuse_client("c.conf", "[client c]\nkey = @1\nshare = nothing=full\n", 3,
		      "no section [share nothing]");
}

Test(config, refuses_files_that_others_may_write)
{
	char path[160];

	write_main(SHARE);
	write_client("c.conf", CLIENT);
	snprintf(path, sizeof(path), "%s/clients.d/c.conf", directory);
	for (mode_t mode = 0622; mode <= 0664; mode = mode == 0622 ? 0664 : 0666) {
		cr_assert_eq(chmod(path, mode), 0);
		expect_refused("clients.d/c.conf", 0, "chmod go-w");
		cr_assert_eq(chmod(path, 0644), 0);
		cr_assert_eq(chmod(main_file, mode), 0);
		expect_refused("ftxd.conf", 0, "chmod go-w");
		cr_assert_eq(chmod(main_file, 0644), 0);
	}
	snprintf(path, sizeof(path), "%s/clients.d", directory);
	cr_assert_eq(chmod(path, 0775), 0);
	expect_refused("clients.d", 0, "chmod go-w");
	cr_assert_eq(chmod(path, 0755), 0);
	config_free(load());
}

Test(config, refuses_files_of_others)
{
	if (geteuid() != 0)
		cr_skip_test("only root can give files away");
	write_main(SHARE);
	cr_assert_eq(chown(main_file, 4711, 0), 0);
	expect_refused("ftxd.conf", 0, "another user");
}

Test(config, refuses_what_is_no_file)
{
	char path[160];

	expect_refused("ftxd.conf", 0, "No such file");
	cr_assert_eq(mkdir(main_file, 0755), 0);
	expect_refused("ftxd.conf", 0, "not a regular file");
	cr_assert_eq(rmdir(main_file), 0);
	write_main(SHARE);
	snprintf(path, sizeof(path), "%s/clients.d", directory);
	write_file(path, "", 0);
	expect_refused("clients.d", 0, "Not a directory");
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/clients.d/a.conf", directory);
	cr_assert_eq(mkfifo(path, 0644), 0);
	expect_refused("clients.d/a.conf", 0, "not a regular file");
}

static void
check_needs(const char *before, const char *after, const char *keys_wanted)
{
	struct config *old, *new;
	char needs[256];

	old = load_main(before);
	new = load_main(after);
	config_needs_start(old, new, needs, sizeof(needs));
	cr_expect_str_eq(needs, keys_wanted);
	config_free(old);
	config_free(new);
}

Test(config, knows_what_counts_only_from_the_next_start)
{
	check_needs("", "[server]\nlisten = [::]:7389\nstate = /var/lib/ftxd\n", "");
	check_needs("", "[server]\nlog-level = error\nmax-connections = 3\n", "");
	check_needs("", "[server]\nlisten = [::]:7389\nlisten = [::]:7390\n", "listen");
	check_needs("[server]\nkey = /a\nstate = /b\n", "[server]\nstate = /c\n", "key,state");
}

Test(config, places_are_those_that_a_client_can_dial)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
	    {"host", true},
	    {"my_host.example.org:1", true},
	    {"192.0.2.1:65535", true},
	    {"[2001:db8::1]", true},
	    {"[::1]:7389", true},
	    {"", false},
	    {"host:65536", false},
	    {"host:99999", false},
	    {"host:0", false},
	    {"host:", false},
	    {"host:07389", false},
	    {"host:7389x", false},
	    {"(none)", false},
	    {"-host", false},
	    {"2001:db8::1", false},
	    {"[::1]x", false},
	    {"[]:1", false},
	    {"user@host", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(config_is_place(cases[i].text), cases[i].good, "'%s'", cases[i].text);
}

/* A change of anything of a client that a session needs, and of nothing else, changes its
 * fingerprint. */
Test(config, fingerprints_differ_where_the_client_does)
{
	static const struct {
		const char *text;
		bool same;
	} cases[] = {
	    {"[server]\nmax-connections = 3\n" SHARE CLIENT, true},
	    {SHARE CLIENT "[client d]\nkey = @2\nshare = s=full\n", true},
	    {"[share t]\npath = /t\n" SHARE CLIENT, true},
	    {SHARE "umask = 0027\n" CLIENT "enabled = yes\nmax-connections = 16\n", true},
	    {SHARE "[client c]\nkey = @2\nshare = s=full\n", false},
	    {SHARE "[client c]\nkey = @1\nkey = @2\nshare = s=full\n", false},
	    {SHARE "[client c]\nkey = @1\nshare = s=append\n", false},
	    {SHARE "[client c]\nkey = @1\nshare = s:/a=full\n", false},
	    {"[share s]\npath = /other\n" CLIENT, false},
	    {SHARE "umask = 022\n" CLIENT, false},
	    {SHARE "symlinks = refuse\n" CLIENT, false},
	    {SHARE "require-mount = yes\n" CLIENT, false},
	    {SHARE "min-free = 2%\n" CLIENT, false},
	    {SHARE "min-free = 2G\n" CLIENT, false},
	    {SHARE "read-only = yes\n" CLIENT, false},
	    {SHARE CLIENT "rate = 1M\n", false},
	    {SHARE CLIENT "from = ::/0\n", false},
	    {SHARE CLIENT "expires = 2037-01-01\n", false},
	    {SHARE CLIENT "max-connections = 3\n", false},
	    {SHARE CLIENT "max-file-size = 3\n", false},
	    {SHARE CLIENT "quota = 1G\n", false},
	    {SHARE CLIENT "quota-files = 3\n", false},
	    {SHARE "quota = 1G\n" CLIENT, false},
	    {SHARE "quota-files = 3\n" CLIENT, false},
	    {SHARE CLIENT "expect-every = 1h\n", true},
	    {SHARE CLIENT "enabled = no\n", false},
	    {SHARE CLIENT "[clients]\nmax-connections = 3\n", false},
	};
	uint8_t print[POLICY_FINGERPRINT_BYTES];
	struct config *c;

	c = load_main(SHARE CLIENT);
	memcpy(print, config_policy(c)->clients[0].fingerprint, sizeof(print));
	config_free(c);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		c = load_main(cases[i].text);
		cr_expect_eq(
		    memcmp(config_policy(c)->clients[0].fingerprint, print, sizeof(print)) == 0,
		    cases[i].same, "%s", cases[i].text);
		config_free(c);
	}
}
