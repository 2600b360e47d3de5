/* records: how a device's record is spelt in Redis: keys, the arguments of the scripts, and their answers. Pure; any
 * thread; no heap but for the blobs of certificates.
 *
 * A device is a hash of short fields. Of the device: id (its mark, see below), fs and ls (first and last seen), gap
 * (seconds between its appearances: a running 90th percentile), br (the broker where it appeared last), tags (",alpha,beta,"),
 * fac (the factory by whose certificate it was enrolled: the beginning of its issuer's id), enr (an operator lets it in: since
 * when, a factory's name or *, and first digits of the key that used that), tok (a token waits for it: SHA-256, until when,
 * and first digits of the key that used it), tb (version of the trust bundle that it confirmed).
 * Of a slot, each with `<slot>:` before it, absent where there is nothing to say:
 *   crt key nb na   the current certificate: serial@issuer, hash of its key, notBefore, notAfter
 *   gen ver         generation; transitions so far
 *   old oldat lr    the superseded serial (serial@issuer where that is not the current one's issuer), since when; first
 *                   digits of the renewal confirmed last
 *   reg             when a superseded certificate last came back, unless the current one came since
 *   fail miss       since the last confirmed certificate: failures reported, renewals that nobody answered
 *   hold            on hold: why ('1': an old record's, nobody said)
 *   rev             revoked: RFC 5280's number of the reason, since when; then on hold as well, until it is released
 *   cmp             the campaign of which it is, or was last, a member: id, group from 0 on, and how it fares: a asked,
 *                   r renewed, f failed, u unanswered, c cancelled, s skipped (on hold)
 *   al ack          its renewal is due: since when without an answer, level (0 to 3; 4: critical, and that its certificate
 *                   ended was told), threshold that raised it (from 1 on), stage (t trigger, w wake, f field), wakes; and
 *                   when it was acknowledged by whom
 *   st              triggered, issuing, issued; absent: quiet
 *   rid why try     the renewal under way: id, reason, attempt
 *   end due         its trigger's deadline, and when the slot was due before
 *   ret             after a failure: no trigger is delivered before; quiet, and cancelled: nothing begins by itself before
 *   pcrt pkey pend  the intent, then the certificate that waits: serial@issuer, hash of its key, and in one field
 *                   notBefore, notAfter, due, end of the lease, the request's format
 *   own             whose intent it is: broker/life
 *                   After a revocation, quiet, what was under way then: it may have been signed
 * Every value stays below 65 bytes, so that the hash stays a listpack.
 * Campaigns themselves, and how many of their members fare how: records_campaign.h.
 *
 * What is revoked shares the tag {revoked}: of:<issuer>, a hash serial → 'reason at notAfter device' ('-': not known); changes,
 * serial@issuer by the version that changed it last; ends, the same by notAfter; gone, a hash of those that were on hold
 * and are not revoked any more; meta, a hash: version, which counts changes; lost, which counts what was put back from a
 * journal; v:<issuer>, the version of its last change; issuer:<id>, '<retired|revoked|trusted> reason at'. A day after
 * notAfter a certificate is forgotten there. Reasons are RFC 5280's numbers.
 * Whose a key is: {k<shard>}:keys, a hash: eight bytes for device/slot, or eight for 'was in a revoked certificate'.
 * cr:{revoked}:crl:<issuer> is a hash: its CRL, der, with number, version, this, next, count (scripts/crl.lua).
 *
 * cr:policy is one hash: <slot>/<key> or /<key> → value for each setting that all brokers share, and version, at, by (who
 * changed it last), op (which write that was). */
#ifndef CR_RECORDS_H
#define CR_RECORDS_H

#include "plugin/handoff/job.h"
#include "plugin/store/scripts.h"

enum {
    CR_SCHEMA = 1,              /* of all that is in Redis; recorded in cr:meta */
    CR_LEASE_S = 30,            /* how long a broker may take from intent to record */
    CR_CLAIM_S = 60,            /* and from claiming what is due to advancing it */
    CR_REDIS_KEY_CAP = 192,
    CR_MARK_CAP = 11,
    CR_INSTANCE_CAP = 37,       /* a UUID */
    CR_CRT_CAP = CR_SERIAL_TEXT + CR_ISSUER_ID_TEXT,
    CR_HASH_TEXT = 44,          /* base64url of SHA-256 */
    CR_KEY_SHARDS = 16384,
};

/* The trust bundle, one hash: version, mode, at, by, der, and op, which write that was. */
#define CR_BUNDLE_KEY "{trust}:bundle"

/* Which keys: the same on every broker of one Redis. */
struct cr_records {
    char prefix[17];
    unsigned buckets;
};

struct cr_redis_key {
    char text[CR_REDIS_KEY_CAP];
    size_t len;
};

struct cr_device_keys {
    struct cr_redis_key device, agenda, expiry, cert, watch, alerts;
    char mark[CR_MARK_CAP]; /* a number from the device's name: tells a record that strayed here from another device */
};
CR_MUST_USE cr_err cr_records_keys(struct cr_device_keys *keys, const struct cr_records *records, const char *device,
                                   const char *slot);
CR_MUST_USE cr_err cr_records_agenda_key(struct cr_redis_key *key, const struct cr_records *records, unsigned bucket);
/* kind: "expiry", "alerts" …; "device:" is what the keys of its devices begin with. */
CR_MUST_USE cr_err cr_records_bucket_key(struct cr_redis_key *key, const struct cr_records *records, unsigned bucket,
                                         const char *kind);
/* cr:meta, cr:audit … */
void cr_records_plain_key(struct cr_redis_key *key, const struct cr_records *records, const char *name);

/* The slot for which the key of a factory certificate is claimed; no name of a slot has a '#'. */
#define CR_FACTORY_SLOT "#factory"

/* Whose key is this? A field of a hash, written once. */
struct cr_claim {
    struct cr_redis_key shard;
    uint8_t field[16];
    uint8_t unused[8], used[8]; /* device/slot, without and with the bit "was in a certificate" */
};
CR_MUST_USE cr_err cr_records_claim(struct cr_claim *claim, const struct cr_records *records,
                                    const uint8_t key_hash[CR_SHA256_LEN], const char *device, const char *slot);
/* Instead of either: of a revoked certificate, and so nobody's for ever. */
extern const uint8_t cr_claim_revoked[8];
enum cr_claim_answer { CR_CLAIM_NOBODYS, CR_CLAIM_OURS, CR_CLAIM_OURS_USED, CR_CLAIM_ANOTHERS, CR_CLAIM_REVOKED };
/* value: what is in the field; data NULL: nothing. */
enum cr_claim_answer cr_records_claim_read(const struct cr_claim *claim, struct cr_bytes value);

/* A certificate's name, serial@issuer. */
void cr_records_crt(char text[CR_CRT_CAP], const struct cr_serial *serial, const char *issuer);
CR_MUST_USE cr_err cr_records_crt_parse(struct cr_cert_entry *entry, struct cr_bytes text);

/* ---- listing ---- */

enum { CR_MEMBER_CAP = 2 * CR_NAME_CAP };

/* Behind which member of a bucket's index a page goes on; "": from the bucket's beginning. As a cursor it is
 * bucket:score:device/slot. */
struct cr_list_place {
    unsigned bucket;
    int64_t score;
    char member[CR_MEMBER_CAP];
};
void cr_list_place_write(char cursor[CR_CURSOR_CAP], const struct cr_list_place *place);
/* "" is the very beginning. False: not what place_write has written for so many buckets. */
CR_MUST_USE bool cr_list_place_read(struct cr_list_place *place, const char *cursor, unsigned buckets);
/* Takes "device/slot" apart. False: it is none. */
CR_MUST_USE bool cr_list_member_read(struct cr_bytes member, char device[CR_NAME_CAP], char slot[CR_NAME_CAP]);

/* ---- arguments ---- */

enum { CR_ARGS_MAX = 40, CR_ARGS_SCRATCH = 1536 };

/* A command on its way to Redis. arg[i] point into scratch, into keys, and to what was handed in. Not to be moved. */
struct cr_args {
    enum cr_script script;
    unsigned count;
    const char *arg[CR_ARGS_MAX];
    size_t len[CR_ARGS_MAX];
    struct cr_device_keys keys;
    size_t used;
    char scratch[CR_ARGS_SCRATCH];
    bool overflow;
};

/* Who records an intent. */
struct cr_owner {
    char broker[CR_NAME_CAP];
    char instance[CR_INSTANCE_CAP];
};

/* A certificate as the journal remembers it, for restore. */
struct cr_restore {
    bool confirmed;     /* else issued */
    char device[CR_NAME_CAP], slot[CR_NAME_CAP];
    struct cr_cert_entry entry;
    int64_t due;        /* of this certificate */
    uint64_t generation, version;
    char renewal_id[CR_RENEWAL_ID_CAP];
    enum cr_csr_format format;
};

/* A CSR job's intent or certificate. */
void cr_restore_of_job(struct cr_restore *restore, const struct cr_job *job);

/* Each writes EVALSHA <sha> 6 keys… arguments…; the caller sets arg[1] to the script's SHA-1. CR_FULL, CR_CRYPTO.
 * again: the same job's answer got lost once. */
CR_MUST_USE cr_err cr_args_present(struct cr_args *args, const struct cr_records *records, const struct cr_job *job,
                                   const char *new_renewal_id, bool again);
CR_MUST_USE cr_err cr_args_begin(struct cr_args *args, const struct cr_records *records, const struct cr_job *job,
                                 const struct cr_owner *owner, const char *new_renewal_id, bool key_used);
CR_MUST_USE cr_err cr_args_record(struct cr_args *args, const struct cr_records *records, const struct cr_job *job);
CR_MUST_USE cr_err cr_args_read(struct cr_args *args, const struct cr_records *records, const struct cr_job *job,
                                bool certificates);
CR_MUST_USE cr_err cr_args_trigger(struct cr_args *args, const struct cr_records *records, const struct cr_job *job,
                                   const char *new_renewal_id, bool again);
CR_MUST_USE cr_err cr_args_advance(struct cr_args *args, const struct cr_records *records, const struct cr_job *job,
                                   const char *new_renewal_id, bool again);
CR_MUST_USE cr_err cr_args_steer(struct cr_args *args, const struct cr_records *records, const struct cr_job *job,
                                 bool again);
/* entries_gone: those of certificates that are on hold are taken out of what is revoked already. */
CR_MUST_USE cr_err cr_args_release(struct cr_args *args, const struct cr_records *records, const struct cr_job *job,
                                   bool again, bool entries_gone);

/* ---- what is revoked: cr:{revoked}:meta, of:<issuer>, changes, ends, gone ---- */

enum { CR_WITHDRAWN_MAX = 16384 /* bytes of a device's certificates */ };

/* A device, or a slot of it. lately_s: for how long a certificate that ended may still be of use. only: the slot that has
 * this certificate, serial@issuer; "": any. version: of the slot, as it was journaled; 0: now. */
CR_MUST_USE cr_err cr_args_revoke(struct cr_args *args, const struct cr_records *records, const char *device,
                                  const char *slot, int64_t now_s, int64_t lately_s, unsigned reason, const char *only,
                                  uint64_t version);
/* certificates: lines as withdrawn.lua has them. device "": not known. put_back: only what nothing is known of. */
CR_MUST_USE cr_err cr_args_revoked_add(struct cr_args *args, const struct cr_records *records, int64_t at,
                                       unsigned reason, const char *device, struct cr_bytes certificates, bool put_back);
CR_MUST_USE cr_err cr_args_revoked_gone(struct cr_args *args, const struct cr_records *records, int64_t now_s,
                                        struct cr_bytes certificates);
CR_MUST_USE cr_err cr_args_revoked_issuer(struct cr_args *args, const struct cr_records *records,
                                          const struct cr_issuer_mark *mark, bool put_back);
CR_MUST_USE cr_err cr_args_revoked_prune(struct cr_args *args, const struct cr_records *records, int64_t now_s);
/* Behind `after`: looks at no more than `looks` changes, for no more than `limit` entries. */
CR_MUST_USE cr_err cr_args_revoked_page(struct cr_args *args, const struct cr_records *records, uint64_t after,
                                        unsigned looks, unsigned limit, const char *issuer, bool gone, int64_t now_s);

/* A certificate that is withdrawn from a device. */
struct cr_withdrawn {
    char slot[CR_NAME_CAP];
    struct cr_cert_entry entry; /* serial (len 0: the slot has none), issuer, not_after, key_hash */
    bool has_key;
    uint64_t version;           /* of the slot */
};
/* The next line of these; what remains starts behind it. False: there is none, or it is none (then rest->len > 0). */
CR_MUST_USE bool cr_withdrawn_read(struct cr_withdrawn *one, struct cr_bytes *rest);
/* Writes such a line. CR_FULL. */
CR_MUST_USE cr_err cr_withdrawn_write(char *text, size_t cap, const char *slot, const struct cr_serial *serial,
                                      const char *issuer, int64_t not_after);
CR_MUST_USE bool cr_revocation_read(struct cr_revocation *one, struct cr_bytes *rest);
CR_MUST_USE bool cr_issuer_mark_read(struct cr_issuer_mark *mark, struct cr_bytes *rest);

/* Who is let in, or not any more. */
CR_MUST_USE cr_err cr_args_enrol(struct cr_args *args, const struct cr_records *records, const struct cr_job *job,
                                 bool again);
/* The arguments of BEGIN about who enrols, behind the others. */
void cr_args_enrolling(struct cr_args *args, const struct cr_job *job);
/* By whose certificate the job's asker came; NULL: not by a factory's. */
const struct cr_config_factory *cr_job_factory(const struct cr_job *job);
/* A factory as `fac` has it: the beginning of its issuer's id. */
void cr_factory_id(char id[CR_FACTORY_ID_CAP], const char *issuer);
CR_MUST_USE cr_err cr_args_look(struct cr_args *args, const struct cr_records *records, const struct cr_job *job,
                                bool again);
/* Of one bucket's agenda, or watch: claims at most `limit` slots. */
CR_MUST_USE cr_err cr_args_agenda(struct cr_args *args, const struct cr_records *records, bool watch, unsigned bucket,
                                  int64_t now_s, unsigned limit);
/* A member that is none, out of a bucket's agenda, or watch. */
CR_MUST_USE cr_err cr_args_strike(struct cr_args *args, const struct cr_records *records, bool watch, unsigned bucket,
                                  struct cr_bytes member);
/* Takes `count` of what the fleet may begin; the answer says how many more there are. */
CR_MUST_USE cr_err cr_args_pace(struct cr_args *args, const struct cr_records *records, int64_t now_s,
                                unsigned rate_per_s, unsigned count);
CR_MUST_USE cr_err cr_args_report(struct cr_args *args, const struct cr_records *records, const struct cr_job *job,
                                  bool again);
/* der: empty to learn whether it is needed. */
CR_MUST_USE cr_err cr_args_restore(struct cr_args *args, const struct cr_records *records,
                                   const struct cr_restore *restore, struct cr_bytes der, int64_t now_s);

/* Of one bucket, from `place` on: looks at no more than `looks` slots, for no more than `rows` of them (0: counts). */
CR_MUST_USE cr_err cr_args_list(struct cr_args *args, const struct cr_records *records, const struct cr_list *list,
                                const struct cr_list_place *place, int64_t now_s, unsigned looks, unsigned rows);
/* Begins such a command: all that slot.lua takes. The script's own arguments follow. */
CR_MUST_USE cr_err cr_args_script(struct cr_args *args, enum cr_script script, const struct cr_records *records,
                                  const char *device, const char *slot, int64_t now_s);

/* Where a survey goes on: which bucket, and how far it is in its expiry. As a cursor it is bucket:scan. */
struct cr_survey_place {
    unsigned bucket;
    char scan[24];
};
/* "" is the very beginning. False: not what place_write has written for so many buckets. */
CR_MUST_USE bool cr_survey_place_read(struct cr_survey_place *place, const char *cursor, unsigned buckets);
void cr_survey_place_write(char cursor[CR_CURSOR_CAP], const struct cr_survey_place *place);
CR_MUST_USE cr_err cr_args_survey(struct cr_args *args, const struct cr_records *records,
                                  const struct cr_survey_place *place, int64_t now_s);
/* verb: any but PAGE; figures: what is to be saved, as survey.h has it. */
CR_MUST_USE cr_err cr_args_survey_keep(struct cr_args *args, const struct cr_records *records,
                                       enum cr_survey_verb verb, int64_t now_s, const char *broker,
                                       const char *figures);

/* Where a census goes on: among those of a bucket's agenda that are not in its expiry (first), or in its expiry. A slot goes
 * from the one to the other with its first certificate: met twice at worst, never missed. */
struct cr_census_place {
    bool first;
    struct cr_survey_place at;
};
/* "" is the very beginning, and, written, the end. False: not what place_write has written for so many buckets. */
CR_MUST_USE bool cr_census_place_read(struct cr_census_place *place, const char *cursor, unsigned buckets);
void cr_census_place_write(char cursor[CR_CURSOR_CAP], const struct cr_census_place *place, unsigned buckets);
/* By what the script answered. False: that is no such place. */
CR_MUST_USE bool cr_census_place_move(struct cr_census_place *place, struct cr_bytes scan);
CR_MUST_USE cr_err cr_args_census(struct cr_args *args, const struct cr_records *records, const struct cr_census *census,
                                  const struct cr_census_place *place, int64_t now_s, unsigned looks);

/* For commands that are no script: starts one, and adds to it. Failure shows in args->overflow. */
void cr_args_start(struct cr_args *args, const char *command);
void cr_args_bytes(struct cr_args *args, const void *data, size_t len);
void cr_args_text(struct cr_args *args, const char *text);
void cr_args_number(struct cr_args *args, int64_t number);
/* Text that does not stay where it is. */
void cr_args_copy(struct cr_args *args, const char *text);

/* Finds the certificate that is asked about in the record: the slot's current one, or with a serial any that the device has
 * or had last; slot "": in all of them; then it says in which. True: serial and issuer are there, and `known` is set. */
bool cr_ocsp_find(struct cr_ocsp *ocsp, const struct cr_device_record *record, char slot[CR_NAME_CAP]);

/* ---- answers ---- */

enum { CR_ANSWER_PARTS = 8, CR_ANSWER_PAIRS = 512 };

/* A script's answer as views: { code, note, part… } or { code, note, { name, value, … } }. */
struct cr_answer {
    struct cr_bytes code, note;
    unsigned part_count;
    struct cr_bytes part[CR_ANSWER_PARTS];
    unsigned pair_count; /* names and values, an even number */
    struct cr_bytes pair[CR_ANSWER_PAIRS];
};
bool cr_answer_is(const struct cr_answer *answer, const char *code);
/* part[i] as text with a NUL; CR_INVALID when it is not there or too long. */
CR_MUST_USE cr_err cr_answer_text(const struct cr_answer *answer, unsigned part, char *text, size_t cap);
CR_MUST_USE cr_err cr_answer_number(const struct cr_answer *answer, unsigned part, int64_t *number);

/* The pairs as a record, or the one slot of it. A trigger whose deadline has passed is shown as the quiet that it is.
 * only: NULL for all slots. CR_INVALID: something in it is not what we would have written; CR_NOMEM. *record is
 * allocated. */
CR_MUST_USE cr_err cr_answer_record(const struct cr_answer *answer, const char *device, const char *only, int64_t now_s,
                                    struct cr_device_record **record);
/* The pairs as the row of this member. CR_NOT_FOUND: it has no such slot, or no certificate there; CR_INVALID, also when
 * they are another device's; CR_NOMEM. */
CR_MUST_USE cr_err cr_list_row_read(struct cr_row *row, const struct cr_records *records, const struct cr_answer *answer,
                                    struct cr_bytes member, int64_t now_s);
/* A key's hash, as records have it. */
CR_MUST_USE cr_err cr_records_hash_parse(uint8_t hash[CR_SHA256_LEN], struct cr_bytes text);
/* fac, enr, tok into the record; any other name is none of its business. */
CR_MUST_USE cr_err cr_enrol_field(struct cr_device_record *record, struct cr_bytes name, struct cr_bytes value);
const char *cr_csr_format_text(enum cr_csr_format format);
enum cr_csr_format cr_csr_format_parse(struct cr_bytes text);

#endif
