# The table on standard output, with peers in the order of that variable, and the same as JSON in
# the file json, from lines
#	= workload bytes files what-the-link-allows-in-seconds (0: no link)
#	workload direction peer round seconds cpu-here cpu-there peak-KiB-here peak-KiB-there
#	! workload direction peer: a run that failed

$1 == "=" {
	bytes[$2] = $3
	files[$2] = $4
	allowed[$2] = $5
	next
}

function note(workload, direction, peer,    test)
{
	test = workload " " direction
	if (!(test in seen_test)) {
		seen_test[test] = 1
		tests[++test_count] = test
		workload_of[test] = workload
	}
	return test " " peer
}

$1 == "!" {
	failed[note($2, $3, $4)]++
	next
}

{
	key = note($1, $2, $3)
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

function link_ratio(test, key,    most)
{
	most = allowed[workload_of[test]]
	return most > 0 ? median(key, 5) / most : -1
}

function table_head(test,    w)
{
	w = workload_of[test]
	printf("%s, %s%.0f MB%s, medians of %d\n", test, files[w] > 1 ? files[w] " files, " : "",
	    bytes[w] / 1e6, allowed[w] > 0 ? sprintf("; the link allows %.2f s", allowed[w]) : "",
	    rounds)
	printf("%-8s %8s %8s %8s %8s %8s %8s %8s %8s%s\n", "", "seconds", "/rsyncd", "cpu-s",
	    "cpu-s", "cpu-s", "/rsyncd", "MiB", "MiB", allowed[w] > 0 ? "    /link" : "")
	printf "%-8s %8s %8s %8s %8s %8s %8s %8s %8s\n", "", "", "",
	    "client", "server", "both", "", "client", "server"
}

function table_row(test, key, peer)
{
	if (!(key in runs)) {
		printf "%-8s   failed, all %d runs\n", peer, failed[key]
		return
	}
	printf("%-8s %8.2f %8s %8.2f %8.2f %8.2f %8s %8.1f %8.1f%s%s\n", peer, median(key, 5),
	    ratio_text(ratio(test, key, 5), "-"), median(key, 6), median(key, 7),
	    median(key, "both"), ratio_text(ratio(test, key, "both"), "-"),
	    largest(key, 8) / 1024, largest(key, 9) / 1024,
	    allowed[workload_of[test]] > 0 ? sprintf(" %8.2f", link_ratio(test, key)) : "",
	    key in failed ? "   " failed[key] " runs failed" : "")
}

function json_row(test, key, peer,    part, w)
{
	split(test, part, " ")
	w = part[1]
	printf("%s\n    {\"workload\": \"%s\", \"direction\": \"%s\", \"peer\": \"%s\", " \
	    "\"bytes\": %.0f, \"files\": %d, \"runs\": %d, \"failed_runs\": %d",
	    json_rows++ ? "," : "", w, part[2], peer, bytes[w], files[w], runs[key],
	    failed[key]) >json
	if (key in runs)
		printf(", \"seconds\": %.3f, \"ratio_to_rsyncd\": %s, \"ratio_to_link\": %s, " \
		    "\"cpu_seconds_client\": %.3f, \"cpu_seconds_server\": %.3f, " \
		    "\"cpu_ratio_to_rsyncd\": %s, \"peak_kib_client\": %d, " \
		    "\"peak_kib_server\": %d, \"all_seconds\": [%s]",
		    median(key, 5), ratio_text(ratio(test, key, 5), "null"),
		    ratio_text(link_ratio(test, key), "null"), median(key, 6), median(key, 7),
		    ratio_text(ratio(test, key, "both"), "null"), largest(key, 8),
		    largest(key, 9), all_seconds(key)) >json
	printf("}") >json
}

function json_head(    part)
{
	split(link, part, " ")
	printf("{\"v\": 2, \"time\": \"%s\", \"rounds\": %d, \"failed_runs\": %d, " \
	    "\"cores\": %d, \"kernel\": \"%s\", \"link\": {\"mbit\": %s, \"round_trip_ms\": %s, " \
	    "\"queue_ms\": %s, \"loss_percent\": %s, \"congestion_control\": \"%s\"}, " \
	    "\"results\": [", time, rounds, failures, cores, kernel, part[1], part[2], part[3],
	    part[4], congestion) >json
}

END {
	json_head()
	for (t = 1; t <= test_count; t++) {
		test = tests[t]
		if (t > 1)
			print ""
		table_head(test)
		count = split(peers, list, " ")
		for (p = 1; p <= count; p++) {
			key = test " " list[p]
			if (!(key in runs) && !(key in failed))
				continue
			table_row(test, key, list[p])
			json_row(test, key, list[p])
		}
	}
	printf("\n]}\n") >json
}
