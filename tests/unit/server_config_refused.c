/*
 * ftxd.conf(5): every way of being wrong.
 */
#include "tests/harness/unit.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/server_config.h"

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
		conf_refuse_main(wrong[i].text, wrong[i].line, wrong[i].words);
	}
}

Test(config, refuses_a_zero_byte)
{
	static const char text[] = "[server]\nstate = /a\0b\n";

	conf_write(conf_main_file, text, sizeof(text) - 1);
	conf_expect_refused("ftxd.conf", 2, "zero byte");
}

Test(config, refuses_a_line_that_is_too_long)
{
	static char text[5000];

	memset(text, 'a', 4200);
	memcpy(text, "[server]\nstate = /", 18);
	text[9 + 4096] = '\n';
	text[9 + 4097] = '\0';
	conf_write_main(text);
	config_free(conf_load());
	memmove(text + 10, text + 9, 4100);
	text[9] = 's';
	conf_refuse_main(text, 2, "longer than 4096");
}

Test(config, refuses_a_client_that_is_in_two_files)
{
	conf_write_main(SHARE CLIENT);
	conf_refuse_client("c.conf", "\n\n[client c]\nkey = @2\nshare = s=full\n", 4,
			   "ftxd.conf:3");
	conf_refuse_client("c.conf", "[client d]\nkey = @1\nshare = s=full\n", 2, "ftxd.conf:3");
}

Test(config, refuses_other_sections_in_clients_d)
{
	conf_write_main(SHARE);
	conf_refuse_client("c.conf", "[server]\nstate = /a\n", 1, "no kind of section 'server'");
	conf_refuse_client("c.conf", "[clients]\nmax-connections = 1\n", 1,
			   "no kind of section 'clients'");
	conf_refuse_client("c.conf", "[client c]\nkey = @1\nshare = nothing=full\n", 3,
			   "no section [share nothing]");
}

Test(config, refuses_files_that_others_may_write)
{
	char path[160];

	conf_write_main(SHARE);
	conf_write_client("c.conf", CLIENT);
	snprintf(path, sizeof(path), "%s/clients.d/c.conf", conf_directory);
	for (mode_t mode = 0622; mode <= 0664; mode = mode == 0622 ? 0664 : 0666) {
		cr_assert_eq(chmod(path, mode), 0);
		conf_expect_refused("clients.d/c.conf", 0, "chmod go-w");
		cr_assert_eq(chmod(path, 0644), 0);
		cr_assert_eq(chmod(conf_main_file, mode), 0);
		conf_expect_refused("ftxd.conf", 0, "chmod go-w");
		cr_assert_eq(chmod(conf_main_file, 0644), 0);
	}
	snprintf(path, sizeof(path), "%s/clients.d", conf_directory);
	cr_assert_eq(chmod(path, 0775), 0);
	conf_expect_refused("clients.d", 0, "chmod go-w");
	cr_assert_eq(chmod(path, 0755), 0);
	config_free(conf_load());
}

Test(config, refuses_files_of_others)
{
	if (geteuid() != 0)
		cr_skip_test("only root can give files away");
	conf_write_main(SHARE);
	cr_assert_eq(chown(conf_main_file, 4711, 0), 0);
	conf_expect_refused("ftxd.conf", 0, "another user");
}

Test(config, refuses_what_is_no_file)
{
	char path[160];

	conf_expect_refused("ftxd.conf", 0, "No such file");
	cr_assert_eq(mkdir(conf_main_file, 0755), 0);
	conf_expect_refused("ftxd.conf", 0, "not a regular file");
	cr_assert_eq(rmdir(conf_main_file), 0);
	conf_write_main(SHARE);
	snprintf(path, sizeof(path), "%s/clients.d", conf_directory);
	conf_write(path, "", 0);
	conf_expect_refused("clients.d", 0, "Not a directory");
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/clients.d/a.conf", conf_directory);
	cr_assert_eq(mkfifo(path, 0644), 0);
	conf_expect_refused("clients.d/a.conf", 0, "not a regular file");
}
