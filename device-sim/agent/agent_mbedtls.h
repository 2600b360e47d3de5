/* agent_mbedtls: the agent's cryptography by mbedTLS 2.28 or 3.x: EC P-256 keys (stored as DER of RFC 5915), CSRs with
 * ECDSA and SHA-256, chains of certificates.
 *
 * The code here allocates nothing; mbedTLS's bignum and X.509 code uses its own allocator while a call lasts (about
 * 10 kB at most; firmware may give it a fixed buffer: MBEDTLS_MEMORY_BUFFER_ALLOC_C). Needs MBEDTLS_ECDSA_C,
 * MBEDTLS_PK_PARSE_C, MBEDTLS_PK_WRITE_C, MBEDTLS_X509_CRT_PARSE_C and MBEDTLS_ASN1_WRITE_C. Stateless. */
#ifndef AGENT_MBEDTLS_H
#define AGENT_MBEDTLS_H

#include "agent.h"

extern const struct agent_crypto agent_mbedtls;

#endif
