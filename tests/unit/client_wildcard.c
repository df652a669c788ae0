#include "src/client/wildcard.h"

#include "tests/harness/unit.h"

#include <string.h>

/* Stars, classes and literals around the borders of the words that hold the elements. */
Test(wildcard, matches_patterns_of_every_length)
{
	static struct wildcard_run run;
	char pattern[300], text[300];

	for (size_t n = 0; n < 200; n++) {
		memset(text, 'x', n);
		for (size_t star = 0; star <= n; star++) {
			struct wildcard *w;

			memset(pattern, 'x', n);
			memmove(pattern + star + 1, pattern + star, n - star);
			pattern[star] = '*';
			w = wildcard_new(pattern, n + 1);
			wildcard_begin(&run, w, false);
			wildcard_feed(&run, text, n);
			cr_assert(wildcard_matched(&run), "%zu of %zu", star, n);
			wildcard_feed(&run, "x", 1);
			cr_assert(wildcard_matched(&run), "%zu of %zu", star, n);
			wildcard_feed(&run, "y", 1);
			cr_assert_eq(wildcard_matched(&run), star == n, "%zu of %zu", star, n);
			wildcard_begin(&run, w, false);
			if (n > 0)
				wildcard_feed(&run, text, n - 1);
			cr_assert_eq(wildcard_matched(&run), n == 0, "%zu of %zu", star, n);
			wildcard_free(w);
		}
	}
}
