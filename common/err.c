#include "common/err.h"

const char *cr_err_text(cr_err err)
{
    switch (err) {
    case CR_OK: return "ok";
    case CR_BUG: return "internal error";
    case CR_NOMEM: return "out of memory";
    case CR_FULL: return "full";
    case CR_INVALID: return "invalid";
    case CR_NOT_FOUND: return "not found";
    case CR_DENIED: return "denied";
    case CR_TIMEOUT: return "timed out";
    case CR_UNAVAILABLE: return "unavailable";
    case CR_IO: return "input/output error";
    case CR_CRYPTO: return "cryptographic failure";
    }
    return "unknown error";
}
