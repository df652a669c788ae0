# The table on standard output, and the same as JSON in the file json, from lines
#	workload direction peer round seconds cpu-here cpu-there peak-KiB-here peak-KiB-there

{
	test = $1 " " $2
	if (!(test in seen_test)) {
		seen_test[test] = 1
		tests[++test_count] = test
	}
	key = test " " $3
	if (!(key in runs))
		peers[test] = peers[test] " " $3
	n = ++runs[key]
	for (i = 5; i <= 9; i++)
		value[key, i, n] = $i
	value[key, "both", n] = $6 + $7
}

function median(key, what,    n, i, j, x, list)
{
	n = runs[key]
	for (i = 1; i <= n; i++) {
		x = value[key, what, i]
		for (j = i - 1; j >= 1 && list[j] > x; j--)
			list[j + 1] = list[j]
		list[j + 1] = x
	}
	return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
}

function largest(key, what,    i, x)
{
	for (i = 1; i <= runs[key]; i++)
		if (value[key, what, i] > x)
			x = value[key, what, i]
	return x + 0
}

function ratio(test, key, what)
{
	base = test " rsyncd"
	return base in runs && median(base, what) > 0 ? median(key, what) / median(base, what) : -1
}

function ratio_text(x, none)
{
	return x < 0 ? none : sprintf("%.2f", x)
}

function all_seconds(key,    i, text)
{
	for (i = 1; i <= runs[key]; i++)
		text = text (i > 1 ? ", " : "") value[key, 5, i]
	return text
}

function table_row(test, key, peer)
{
	printf "%-8s %8.2f %8s %8.2f %8.2f %8.2f %8s %8.1f %8.1f\n", peer, median(key, 5),
	    ratio_text(ratio(test, key, 5), "-"), median(key, 6), median(key, 7),
	    median(key, "both"), ratio_text(ratio(test, key, "both"), "-"),
	    largest(key, 8) / 1024, largest(key, 9) / 1024
}

function json_row(test, key, peer, first,    part)
{
	split(test, part, " ")
	printf("%s\n    {\"workload\": \"%s\", \"direction\": \"%s\", \"peer\": \"%s\", \"runs\": %d, " \
	    "\"seconds\": %.3f, \"ratio_to_rsyncd\": %s, " \
	    "\"cpu_seconds_client\": %.3f, \"cpu_seconds_server\": %.3f, \"cpu_ratio_to_rsyncd\": %s, " \
	    "\"peak_kib_client\": %d, \"peak_kib_server\": %d, \"all_seconds\": [%s]}",
	    first ? "" : ",", part[1], part[2], peer, runs[key], median(key, 5),
	    ratio_text(ratio(test, key, 5), "null"), median(key, 6), median(key, 7),
	    ratio_text(ratio(test, key, "both"), "null"), largest(key, 8), largest(key, 9),
	    all_seconds(key)) >json
}

END {
	printf("{\"v\": 1, \"time\": \"%s\", \"bytes\": %.0f, \"rounds\": %d, \"failed_runs\": %d, " \
	    "\"cores\": %d, \"kernel\": \"%s\", \"results\": [",
	    time, bytes, rounds, failures, cores, kernel) >json
	for (t = 1; t <= test_count; t++) {
		test = tests[t]
		printf "%s%s, %.0f MiB, medians of %d\n", (t > 1 ? "\n" : ""), test,
		    bytes / 1048576, rounds
		printf "%-8s %8s %8s %8s %8s %8s %8s %8s %8s\n", "", "seconds", "/rsyncd",
		    "cpu-s", "cpu-s", "cpu-s", "/rsyncd", "MiB", "MiB"
		printf "%-8s %8s %8s %8s %8s %8s %8s %8s %8s\n", "", "", "",
		    "client", "server", "both", "", "client", "server"
		count = split(peers[test], list, " ")
		for (p = 1; p <= count; p++) {
			key = test " " list[p]
			table_row(test, key, list[p])
			json_row(test, key, list[p], t == 1 && p == 1)
		}
	}
	printf "\n]}\n" >json
}
