#include "common/refusal.h"

#include <stddef.h>
#include <string.h>

static const struct cr_refusal_info refusals[CR_REFUSAL_COUNT] = {
    [CR_REFUSAL_NONE] = { "none", "No error.", 200, false, false },
    [CR_REFUSAL_MALFORMED_CSR] = { "malformed-csr", "Not exactly one PKCS#10 request in strict DER.", 400, false, false },
    [CR_REFUSAL_MALFORMED_JSON] = { "malformed-json", "Not the JSON object that this topic takes.", 400, false, false },
    [CR_REFUSAL_MALFORMED_PEM] = { "malformed-pem", "Not exactly one CERTIFICATE REQUEST block.", 400, false, false },
    [CR_REFUSAL_MALFORMED_REQUEST] = { "malformed-request", "The request is neither PEM, DER nor JSON, or a field of it is out of bounds.", 400, false, false },
    [CR_REFUSAL_BAD_SIGNATURE] = { "malformed-signature", "The request is not signed by the key it asks a certificate for.", 400, false, false },
    [CR_REFUSAL_PRIVATE_KEY_SENT] = { "malformed-private-key", "A private key was sent. Treat it as lost, make a new one and send only its CSR.", 400, false, true },
    [CR_REFUSAL_UNKNOWN_COMMAND] = { "malformed-command", "There is no such command.", 400, false, false },
    [CR_REFUSAL_NOT_AUTHORISED] = { "not-authorised", "This client may not give this command.", 403, false, true },
    [CR_REFUSAL_WRONG_IDENTITY] = { "wrong-identity", "The request names another device than the certificate of its connection.", 403, false, true },
    [CR_REFUSAL_UNTRUSTED_ISSUER] = { "untrusted-issuer", "The certificate of this connection is not from a trusted issuer.", 403, false, true },
    [CR_REFUSAL_CERTIFICATE_NOT_VALID] = { "certificate-not-valid", "The certificate of this connection has expired or is not valid yet.", 403, false, true },
    [CR_REFUSAL_REVOKED] = { "revoked", "This certificate or key is revoked; an operator must release the device (releaseDevice), and it needs a new key.", 403, false, true },
    [CR_REFUSAL_ON_HOLD] = { "on-hold", "This device is on hold; an operator must release it.", 403, true, false },
    [CR_REFUSAL_REGRESSION] = { "regression", "A certificate that was superseded came back; the device is to renew again.", 403, false, true },
    [CR_REFUSAL_UNKNOWN_CERTIFICATE] = { "unknown-certificate", "A certificate of our own issuer that is in no record.", 403, false, true },
    [CR_REFUSAL_SPLIT_IDENTITY] = { "split-identity", "A certificate and the one that it superseded are used in turn: two hold this identity.", 403, false, true },
    [CR_REFUSAL_NOT_ENROLLED] = { "not-enrolled", "Nobody allowed this device to enrol; an operator must (enrollDevice).", 403, true, false },
    [CR_REFUSAL_TOKEN_NOT_VALID] = { "token-not-valid", "This enrolment token is not known, used, or expired; an operator must make a new one.", 403, false, false },
    [CR_REFUSAL_CRL_FAILED] = { "crl-failed", "A CRL could not be made, kept current or written, or is not what it must be.", 403, false, true },
    [CR_REFUSAL_UNKNOWN_SLOT] = { "unknown-slot", "No such slot is configured.", 404, false, false },
    [CR_REFUSAL_UNKNOWN_DEVICE] = { "unknown-device", "No such device is known.", 404, false, false },
    [CR_REFUSAL_UNKNOWN_RENEWAL] = { "unknown-renewal", "No such renewal is under way for this slot.", 404, false, false },
    [CR_REFUSAL_UNKNOWN_CAMPAIGN] = { "unknown-campaign", "No such campaign is known.", 404, false, false },
    [CR_REFUSAL_UNKNOWN_CURSOR] = { "unknown-cursor", "This is no cursor that was handed out; begin without one.", 404, false, false },
    [CR_REFUSAL_UNKNOWN_ALERT] = { "unknown-alert", "This slot has no alert.", 404, false, false },
    [CR_REFUSAL_UNKNOWN_ISSUER] = { "unknown-issuer", "No such issuer is known.", 404, false, false },
    [CR_REFUSAL_RENEWAL_IN_PROGRESS] = { "renewal-in-progress", "Another key of this slot is being certified; ask again later.", 409, true, false },
    [CR_REFUSAL_KEY_REUSED] = { "key-reused", "This key was used before; make a new one.", 409, false, false },
    [CR_REFUSAL_CERTIFICATE_OUTDATED] = { "certificate-outdated", "Connect with the certificate that was confirmed last.", 409, false, false },
    [CR_REFUSAL_WRONG_STATE] = { "wrong-state", "It is not in a state for that, or was changed meanwhile.", 409, false, false },
    [CR_REFUSAL_ALREADY_ENROLLED] = { "already-enrolled", "This device has a certificate that is still good; use it, or an operator must allow it to enrol again.", 409, true, false },
    [CR_REFUSAL_ISSUER_IN_USE] = { "issuer-in-use", "Devices still need this issuer; move them first, or force it.", 409, false, false },
    [CR_REFUSAL_TOO_LARGE] = { "too-large", "The request is larger than allowed.", 413, false, false },
    [CR_REFUSAL_KEY_NOT_ALLOWED] = { "key-not-allowed", "This kind of key is not allowed here.", 422, false, false },
    [CR_REFUSAL_ALGORITHM_NOT_ALLOWED] = { "algorithm-not-allowed", "The request's signature algorithm is not allowed or does not fit its key.", 422, false, false },
    [CR_REFUSAL_SUBJECT_MISMATCH] = { "subject-mismatch", "The subject must be exactly one CN with the device's id, and what the slot's policy adds.", 422, false, false },
    [CR_REFUSAL_EXTENSION_NOT_ALLOWED] = { "extension-not-allowed", "A requested extension is not allowed.", 422, false, false },
    [CR_REFUSAL_POLICY_NOT_ALLOWED] = { "policy-not-allowed", "There is no such setting, or it does not take this value.", 422, false, false },
    [CR_REFUSAL_TOO_EARLY] = { "too-early", "No renewal was asked for and the renewal window is not open yet.", 425, true, false },
    [CR_REFUSAL_RATE_LIMITED] = { "rate-limited", "Too many requests; wait as told.", 429, true, false },
    [CR_REFUSAL_STORE_UNAVAILABLE] = { "store-unavailable", "The renewal store cannot be reached; ask again as told.", 503, true, false },
    [CR_REFUSAL_BUSY] = { "busy", "Too much is under way; ask again as told.", 503, true, false },
    [CR_REFUSAL_ISSUER_UNAVAILABLE] = { "issuer-unavailable", "The issuer cannot sign now; ask again as told.", 503, true, false },
    [CR_REFUSAL_INTERNAL] = { "internal", "An internal error; ask again as told.", 500, true, false },
};

const struct cr_refusal_info *cr_refusal_info(enum cr_refusal refusal)
{
    if ((unsigned)refusal >= CR_REFUSAL_COUNT) {
        return &refusals[CR_REFUSAL_INTERNAL];
    }
    return &refusals[refusal];
}

enum cr_refusal cr_refusal_from_code(const char *error_code)
{
    for (int i = 0; i < CR_REFUSAL_COUNT; i++) {
        if (strcmp(refusals[i].error_code, error_code) == 0) {
            return (enum cr_refusal)i;
        }
    }
    return CR_REFUSAL_COUNT;
}
