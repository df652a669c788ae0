/*
 * ftxd.conf(5): what each directive becomes.
 */
#include "tests/harness/unit.h"
#include <string.h>

#include "tests/unit/server_config.h"

TestSuite(config, .init = conf_begin, .fini = conf_end);

Test(config, an_empty_file_is_all_defaults)
{
	struct config *c;
	const struct server_config *s;

	c = conf_load_main("");
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

	c = conf_load_main("[server]\nlisten = 127.0.0.1:1\nlisten = [::1]:2\n"
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

	c = conf_load_main(
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

	conf_write_main(
	    SHARE
	    "[client one]\nkey = @1\nkey = @2\nshare = s=full\nfrom = 192.0.2.1\n"
	    "max-connections = 2\nexpires = 2027-01-01\n"
	    "rate = 100K\nquota = 5G\nquota-files = 7\nexpect-every = 26h\n"
	    "[clients]\nrate = 1M\nfrom = 10.0.0.0/8\nfrom = 2001:db8::/32\nmax-connections = 5\n"
	    "max-file-size = 1M\nquota = 6G\nquota-files = 1K\nexpect-every = 7d\n");
	conf_write_client("two.conf", "[client two]\nkey = @3\nshare = s=readonly\nenabled = no\n"
				      "expires = 2027-06-30T12:00:01Z\n");
	c = conf_load();
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

	c = conf_load_main(SHARE CLIENT);
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

	conf_write_main(SHARE);
	conf_write_client("a.conf.bak", "nonsense");
	conf_write_client(".a.conf", "nonsense");
	conf_write_client(".conf", "nonsense");
	conf_write_client("README", "nonsense");
	conf_write_client("b.conf", CLIENT);
	c = conf_load();
	cr_expect_eq(config_policy(c)->client_count, 1);
	config_free(c);
}

static void
check_needs(const char *before, const char *after, const char *keys_wanted)
{
	struct config *old, *new;
	char needs[256];

	old = conf_load_main(before);
	new = conf_load_main(after);
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

	c = conf_load_main(SHARE CLIENT);
	memcpy(print, config_policy(c)->clients[0].fingerprint, sizeof(print));
	config_free(c);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		c = conf_load_main(cases[i].text);
		cr_expect_eq(
		    memcmp(config_policy(c)->clients[0].fingerprint, print, sizeof(print)) == 0,
		    cases[i].same, "%s", cases[i].text);
		config_free(c);
	}
}
