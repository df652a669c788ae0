/* The rate over a window of time, and the lines that fit a terminal. */
#include "src/client/progress.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "src/base/columns.h"
#include "tests/harness/unit.h"

#define AT_LEAST "\xe2\x89\xa5"
#define WIDE	 "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e" /* three of two columns each */

static struct progress_rate rate;

/* From, until: milliseconds; a sample every 250 ms of so many bytes a second. */
static uint64_t
run(uint64_t from, uint64_t until, uint64_t bytes, uint64_t per_s)
{
	for (uint64_t now = from; now < until; now += 250) {
		bytes += per_s / 4;
		progress_rate_add(&rate, now + 250, bytes);
	}
	return bytes;
}

static void
expect_rate(double per_s)
{
	double is = progress_rate_per_s(&rate);

	cr_assert(is >= per_s * 0.99 && is < per_s * 1.01 + 0.01, "%f, not %f", is, per_s);
}

Test(progress_rate, is_that_of_the_window)
{
	uint64_t bytes;

	progress_rate_start(&rate, 1000, 0);
	expect_rate(0);
	bytes = run(1000, 5000, 0, 1000);
	expect_rate(1000);
	/* Half of the window at the one, half at the other. */
	bytes = run(5000, 31000, bytes, 1000);
	bytes = run(31000, 36000, bytes, 3000);
	expect_rate(2000);
	bytes = run(36000, 42000, bytes, 3000);
	expect_rate(3000);
	/* Nothing: it goes down, and is nothing when the window is over. */
	bytes = run(42000, 47000, bytes, 0);
	expect_rate(1500);
	run(47000, 54000, bytes, 0);
	expect_rate(0);
}

Test(progress_rate, begins_with_the_first_byte)
{
	progress_rate_start(&rate, 1000, 0);
	run(1000, 61000, 0, 0);
	run(61000, 62000, 0, 4000);
	expect_rate(4000);
}

Test(progress_rate, begins_anew)
{
	uint64_t bytes;

	progress_rate_start(&rate, 1000, 0);
	bytes = run(1000, 5000, 0, 1000);
	progress_rate_start(&rate, 3600000, bytes);
	expect_rate(0);
	run(3600000, 3601000, bytes, 500);
	expect_rate(500);
}

Test(progress_rate, any_number_of_looks_is_one_window)
{
	uint64_t bytes = 0;

	progress_rate_start(&rate, 1, 0);
	for (uint64_t now = 2; now < 60000; now++) {
		bytes += now < 30000 ? 1 : 9;
		progress_rate_add(&rate, now, bytes);
	}
	expect_rate(9000);
}

#define MIB (UINT64_C(1) << 20)

static const struct transfer_progress tree = {.phase = PHASE_SEND,
					      .files = 12,
					      .files_total = 340,
					      .bytes = 1200 * MIB,
					      .bytes_present = 512 * MIB,
					      .bytes_total = 3400 * MIB,
					      .scanned = true};
static const struct transfer_progress scanning = {
    .files = 1, .files_total = 2, .bytes = 0, .bytes_total = 10 * MIB};
static const struct transfer_progress input = {
    .files_total = 1, .bytes = 10 * MIB, .bytes_total = 10 * MIB, .scanned = true, .endless = true};
static const struct transfer_progress finishing = {.phase = PHASE_COMMIT,
						   .files = 1,
						   .files_total = 1,
						   .bytes = 10,
						   .bytes_total = 10,
						   .scanned = true};
static const struct transfer_progress almost = {
    .files = 0, .files_total = 1, .bytes = 10, .bytes_total = 10, .scanned = true};
static const struct transfer_progress nothing = {.scanned = true};

static const struct {
	const struct transfer_progress *figures;
	double bytes_per_s, eta_s;
	uint64_t stalled_s;
	unsigned percent;
	size_t columns;
	const char *line;
} lines[] = {
    {&tree, 98e6, 72, 0, 0, SIZE_MAX,
     "12 of 340 files, 1.2 GiB of 3.3 GiB (35%), 93.5 MiB/s, 1 min 12 s left, 512.0 MiB were "
     "there"},
    {&tree, 98e6, 72, 0, 0, 79,
     "12 of 340 files, 1.2 GiB of 3.3 GiB (35%), 93.5 MiB/s, 1 min 12 s left"},
    {&tree, 98e6, 72, 0, 0, 69, "12/340, 1.2 GiB of 3.3 GiB (35%), 93.5 MiB/s, 1 min 12 s left"},
    {&tree, 98e6, 72, 0, 0, 55, "12/340, 1.2 GiB of 3.3 GiB (35%), 93.5 MiB/s, 1:12"},
    {&tree, 98e6, 72, 0, 0, 40, "12/340, 35% of 3.3 GiB, 93.5 MiB/s, 1:12"},
    {&tree, 98e6, 72, 0, 0, 39, "35% of 3.3 GiB, 93.5 MiB/s, 1:12"},
    {&tree, 98e6, 72, 0, 0, 30, "35% of 3.3 GiB, 93.5 MiB/s"},
    {&tree, 98e6, 72, 0, 0, 20, "35%, 93.5 MiB/s"},
    {&tree, 98e6, 72, 0, 0, 10, "35%"},
    {&tree, 98e6, 72, 0, 0, 2, ""},
    /* The source has grown; what was said stays said. */
    {&tree, 98e6, 72, 0, 50, 39, "50% of 3.3 GiB, 93.5 MiB/s, 1:12"},
    {&tree, 98e6, 7200 + 300, 0, 0, 40, "35% of 3.3 GiB, 93.5 MiB/s, 2:05:00"},
    {&tree, 98e6, 7200 + 300, 0, 0, 43, "12/340, 35% of 3.3 GiB, 93.5 MiB/s, 2:05:00"},
    {&tree, 98e6, 7.4, 0, 0, 79, "12 of 340 files, 1.2 GiB of 3.3 GiB (35%), 93.5 MiB/s, 7 s left"},
    {&tree, 10, 90061, 0, 0, 40, "12/340, 35% of 3.3 GiB, 10 B/s, 1d 1h"},
    {&tree, 0, -1, 0, 0, 40, "12/340, 1.2 GiB of 3.3 GiB (35%), 0 B/s"},
    {&tree, 10, 60, 12, 0, 40, "12/340, 35% of 3.3 GiB, stalled 12 s"},
    {&tree, 10, 60, PROGRESS_STALLED_S, 0, 40, "12/340, 35% of 3.3 GiB, stalled 3.0 s"},
    {&tree, 10, 60, PROGRESS_STALLED_S - 1, 0, 40, "12/340, 35% of 3.3 GiB, 10 B/s, 1:00"},
    {&scanning, 0, -1, 0, 0, 79, "1 of " AT_LEAST "2 files, 0 B of " AT_LEAST "10.0 MiB, 0 B/s"},
    {&scanning, 0, -1, 0, 0, 30, "1/" AT_LEAST "2, 0 B of " AT_LEAST "10.0 MiB, 0 B/s"},
    {&input, 1048576, -1, 0, 0, 79, "0 of 1 file, 10.0 MiB, 1.0 MiB/s"},
    {&finishing, 100, 0, 5, 0, 79, "1 of 1 file, 10 B of 10 B (100%), finishing"},
    {&almost, 100, 0, 0, 0, 79, "0 of 1 file, 10 B of 10 B (99%), 100 B/s, 0 s left"},
    {&nothing, 0, -1, 0, 0, 79, "0 of 0 files, 0 B of 0 B, 0 B/s"},
};

Test(progress_line, says_what_fits)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		unsigned percent = lines[i].percent;
		const struct progress_view v = {.figures = lines[i].figures,
						.bytes_per_s = lines[i].bytes_per_s,
						.eta_s = lines[i].eta_s,
						.stalled_s = lines[i].stalled_s,
						.percent = &percent};
		char out[PROGRESS_LINE_BYTES];

		cr_expect_str_eq(progress_job_line(out, &v, lines[i].columns), lines[i].line,
				 "row %zu: %s", i, out);
	}
}

Test(progress_line, does_not_go_back_when_there_turns_out_to_be_more)
{
	struct transfer_progress p = {
	    .files_total = 1, .bytes = 60, .bytes_total = 100, .scanned = true};
	unsigned percent = 0;
	const struct progress_view v = {.figures = &p, .eta_s = -1, .percent = &percent};
	char out[PROGRESS_LINE_BYTES];

	cr_expect_str_eq(progress_job_line(out, &v, 8), "60%");
	p.bytes_total = 200;
	cr_expect_str_eq(progress_job_line(out, &v, 8), "60%");
	p.bytes = 180;
	cr_expect_str_eq(progress_job_line(out, &v, 8), "90%");
	/* What is not known says nothing of it. */
	p.scanned = false;
	(void)progress_job_line(out, &v, 8);
	cr_expect_eq(percent, 90);
}

Test(progress_line, is_never_wider_than_the_terminal)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		for (size_t columns = 0; columns < 200; columns++) {
			unsigned percent = 0;
			const struct progress_view v = {.figures = lines[i].figures,
							.bytes_per_s = lines[i].bytes_per_s,
							.eta_s = lines[i].eta_s,
							.stalled_s = lines[i].stalled_s,
							.percent = &percent};
			char out[PROGRESS_LINE_BYTES];

			cr_assert_leq(columns_of(progress_job_line(out, &v, columns)), columns);
		}
}

static struct transfer_current current;

static void
add(const char *name, uint64_t bytes, uint64_t size)
{
	struct transfer_current_file *f = &current.files[current.count++];

	snprintf(f->name, sizeof(f->name), "%s", name);
	f->bytes = bytes;
	f->size = size;
}

static void
expect_files(size_t columns, const char *line)
{
	char out[PROGRESS_LINE_BYTES];

	cr_expect_str_eq(progress_files_line(out, &current, columns), line, "%zu: %s", columns,
			 out);
	cr_expect_leq(columns_of(out), columns);
}

Test(progress_line, names_the_files_that_fit)
{
	expect_files(80, "");
	add("dir/" WIDE ".mkv", 3 * MIB, 4 * MIB);
	expect_files(200, "dir/" WIDE ".mkv 75% of 4.0 MiB");
	expect_files(39, "dir/" WIDE ".mkv 75%");
	expect_files(17, "..." WIDE ".mkv 75%");
	expect_files(16, "...\xe6\x9c\xac\xe8\xaa\x9e.mkv 75%");
	expect_files(15, "");
	add("odd\x1b[31m\xff", 0, 9);
	expect_files(79, "dir/" WIDE ".mkv 75%, odd\\x1b[31m\\xff 0% of 9 B");
	expect_files(38, "dir/" WIDE ".mkv 75%, odd\\x1b[31m\\xff 0%");
	expect_files(37, "..." WIDE ".mkv 75%, odd\\x1b[31m\\xff 0%");
	expect_files(33, "dir/" WIDE ".mkv 75%, 1 more");
	expect_files(27, "dir/" WIDE ".mkv 75%");
	add("short", 5, 4);
	add("closed", 0, 0);
	expect_files(200,
		     "dir/" WIDE
		     ".mkv 75% of 4.0 MiB, odd\\x1b[31m\\xff 0% of 9 B, short 100% of 4 B, closed");
	current.count--;
	add("s", MIB, 2 * MIB);
	expect_files(79, "dir/" WIDE ".mkv 75%, odd\\x1b[31m\\xff 0%, short 100%, s 50%");
	expect_files(46, "..." WIDE ".mkv 75%, ...[31m\\xff 0%, 2 more");
}

Test(progress_line, of_files_is_never_wider_than_the_terminal)
{
	for (unsigned i = 0; i < STREAMS_MAX; i++) {
		char name[CURRENT_NAME_BYTES] = "";

		for (unsigned j = 0; j < 6 + 10 * i; j++)
			strcat(name, j % 3 == 0 ? "\xe6\x9c\xac" : j % 3 == 1 ? "\n" : "e\xcc\x81");
		add(name, i, STREAMS_MAX);
	}
	for (; current.count > 0; current.count--)
		for (size_t columns = 0; columns < 1000; columns += columns < 300 ? 1 : 33) {
			char out[PROGRESS_LINE_BYTES];

			progress_files_line(out, &current, columns);
			cr_assert_leq(columns_of(out), columns, "%zu files in %zu: %s",
				      current.count, columns, out);
			cr_assert(columns < 16 || out[0] != '\0');
		}
}
