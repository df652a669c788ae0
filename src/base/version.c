#include "src/base/version.h"

#include <assert.h>

/* FTX_VERSION is defined for this file alone, so that another commit compiles no other anew. */
const char version_text[] = FTX_VERSION;
const char version_agent[] = "ftx/" FTX_VERSION;

static_assert(sizeof(FTX_VERSION) - 1 <= 48, "the version is longer than version.h promises");
