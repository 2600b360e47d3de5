#include "plugin/store/records.h"

#include <stdio.h>
#include <string.h>

static bool key_write(struct cr_redis_key *key, const char *prefix, unsigned bucket, const char *kind,
                      const char *device, const char *slot)
{
    int len = snprintf(key->text, sizeof key->text, "%s:{b%02u}:%s%s%s%s%s", prefix, bucket, kind,
                       device != NULL ? ":" : "", device != NULL ? device : "", slot != NULL ? "/" : "",
                       slot != NULL ? slot : "");
    key->len = len > 0 ? (size_t)len : 0;
    return len > 0 && (size_t)len < sizeof key->text;
}

cr_err cr_records_keys(struct cr_device_keys *keys, const struct cr_records *records, const char *device,
                       const char *slot)
{
    uint64_t hash;
    cr_err err = cr_hash64(&hash, device, strlen(device));
    if (err != CR_OK) {
        return err;
    }
    unsigned bucket = records->buckets > 0 ? (unsigned)(hash % records->buckets) : 0;
    snprintf(keys->mark, sizeof keys->mark, "%u", (unsigned)(hash >> 33)); /* 31 bits: an integer to a listpack */
    bool fits = key_write(&keys->device, records->prefix, bucket, "device", device, NULL) &&
                key_write(&keys->agenda, records->prefix, bucket, "agenda", NULL, NULL) &&
                key_write(&keys->expiry, records->prefix, bucket, "expiry", NULL, NULL) &&
                key_write(&keys->cert, records->prefix, bucket, "cert", device, slot) &&
                key_write(&keys->watch, records->prefix, bucket, "watch", NULL, NULL) &&
                key_write(&keys->alerts, records->prefix, bucket, "alerts", NULL, NULL);
    return fits ? CR_OK : CR_FULL;
}

cr_err cr_records_agenda_key(struct cr_redis_key *key, const struct cr_records *records, unsigned bucket)
{
    return key_write(key, records->prefix, bucket, "agenda", NULL, NULL) ? CR_OK : CR_FULL;
}

cr_err cr_records_bucket_key(struct cr_redis_key *key, const struct cr_records *records, unsigned bucket,
                             const char *kind)
{
    return key_write(key, records->prefix, bucket, kind, NULL, NULL) ? CR_OK : CR_FULL;
}

void cr_records_plain_key(struct cr_redis_key *key, const struct cr_records *records, const char *name)
{
    int len = snprintf(key->text, sizeof key->text, "%s:%s", records->prefix, name);
    key->len = len > 0 && (size_t)len < sizeof key->text ? (size_t)len : 0;
}

cr_err cr_records_claim(struct cr_claim *claim, const struct cr_records *records,
                        const uint8_t key_hash[CR_SHA256_LEN], const char *device, const char *slot)
{
    char whose[2 * CR_NAME_CAP];
    uint64_t hash;
    int len = snprintf(whose, sizeof whose, "%s/%s", device, slot);
    if (len < 0 || (size_t)len >= sizeof whose) {
        return CR_FULL;
    }
    cr_err err = cr_hash64(&hash, whose, (size_t)len);
    if (err != CR_OK) {
        return err;
    }
    for (int i = 7; i >= 0; i--, hash >>= 8) {
        claim->unused[i] = (uint8_t)hash;
    }
    claim->unused[0] &= 0x7f;
    memcpy(claim->used, claim->unused, sizeof claim->used);
    claim->used[0] |= 0x80;
    memcpy(claim->field, key_hash, sizeof claim->field);
    unsigned shard = (unsigned)(key_hash[0] << 8 | key_hash[1]) % CR_KEY_SHARDS;
    len = snprintf(claim->shard.text, sizeof claim->shard.text, "%s:{k%u}:keys", records->prefix, shard);
    claim->shard.len = (size_t)len;
    return CR_OK;
}

/* Eight bytes, as the other two: no hash of ours but by a chance that nobody can help along. */
const uint8_t cr_claim_revoked[8] = { 'R', 'E', 'V', 'O', 'K', 'E', 'D', '!' };

enum cr_claim_answer cr_records_claim_read(const struct cr_claim *claim, struct cr_bytes value)
{
    if (value.data == NULL) {
        return CR_CLAIM_NOBODYS;
    }
    if (value.len == sizeof claim->used && memcmp(value.data, claim->used, value.len) == 0) {
        return CR_CLAIM_OURS_USED;
    }
    if (value.len == sizeof claim->unused && memcmp(value.data, claim->unused, value.len) == 0) {
        return CR_CLAIM_OURS;
    }
    if (value.len == sizeof cr_claim_revoked && memcmp(value.data, cr_claim_revoked, value.len) == 0) {
        return CR_CLAIM_REVOKED;
    }
    return CR_CLAIM_ANOTHERS; /* also when it is damaged: not known to be ours is not ours */
}

void cr_records_crt(char text[CR_CRT_CAP], const struct cr_serial *serial, const char *issuer)
{
    cr_serial_text(text, serial);
    size_t len = strlen(text);
    size_t issuer_len = strnlen(issuer, CR_ISSUER_ID_TEXT - 1);
    text[len] = '@';
    memcpy(text + len + 1, issuer, issuer_len);
    text[len + 1 + issuer_len] = '\0';
}

cr_err cr_records_crt_parse(struct cr_cert_entry *entry, struct cr_bytes text)
{
    char serial[CR_SERIAL_TEXT];
    const uint8_t *at = text.len > 0 ? memchr(text.data, '@', text.len) : NULL;
    size_t serial_len = at != NULL ? (size_t)(at - text.data) : text.len;
    size_t issuer_len = at != NULL ? text.len - serial_len - 1 : 0;
    if (serial_len == 0 || serial_len >= sizeof serial || issuer_len >= sizeof entry->issuer) {
        return CR_INVALID;
    }
    memcpy(serial, text.data, serial_len);
    serial[serial_len] = '\0';
    if (at != NULL) {
        memcpy(entry->issuer, at + 1, issuer_len);
    }
    entry->issuer[issuer_len] = '\0';
    return cr_serial_parse(&entry->serial, serial);
}
