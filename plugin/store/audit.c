#include "plugin/store/audit.h"

#include "common/clock.h"

#include <string.h>

static void line_certificate(struct cr_line *line, const struct cr_restore *certificate)
{
    const struct cr_cert_entry *entry = &certificate->entry;
    char serial[CR_SERIAL_TEXT], key[2 * CR_SHA256_LEN + 1];
    cr_serial_text(serial, &entry->serial);
    cr_hex_encode(key, entry->key_hash, CR_SHA256_LEN);
    cr_line_number(line, "generation", certificate->generation);
    cr_line_number(line, "version", certificate->version);
    cr_line_string(line, "serial", serial);
    cr_line_string(line, "issuer", entry->issuer);
    cr_line_string(line, "key", key);
    cr_line_time(line, "notBefore", entry->not_before);
    cr_line_time(line, "notAfter", entry->not_after);
    cr_line_time(line, "due", certificate->due);
    cr_line_string(line, "format", cr_csr_format_text(certificate->format));
}

static void line_revocation(struct cr_line *line, const struct cr_revocation *one, uint64_t version)
{
    char serial[CR_SERIAL_TEXT];
    if (version > 0) {
        cr_line_number(line, "version", version);
    }
    if (one->serial.len > 0) {
        cr_serial_text(serial, &one->serial);
        cr_line_string(line, "serial", serial);
        cr_line_time(line, "notAfter", one->not_after);
    }
    cr_line_string(line, "issuer", one->issuer);
    cr_line_string(line, "reason", cr_revoke_reason_text(one->reason));
    cr_line_time(line, "since", one->at);
}

void cr_audit_line(const struct cr_audit *audit, const char *broker, struct cr_line *line)
{
    cr_line_time(line, "time", audit->now_s);
    cr_line_string(line, "broker", broker);
    cr_line_string(line, "what", audit->what);
    cr_line_string(line, "device", audit->device);
    cr_line_string(line, "slot", audit->slot);
    cr_line_string(line, "who", audit->who);
    cr_line_string(line, "renewalId", audit->renewal_id);
    cr_line_string(line, "detail", audit->detail);
    if (audit->certificate != NULL) {
        line_certificate(line, audit->certificate);
    } else if (audit->revocation != NULL) {
        line_revocation(line, audit->revocation, audit->version);
    } else if (audit->serial != NULL && audit->serial->len > 0) {
        char serial[CR_SERIAL_TEXT];
        cr_serial_text(serial, audit->serial);
        cr_line_string(line, "serial", serial);
    }
    if (audit->der.len > 0) {
        cr_line_base64(line, "certificate", audit->der.data, audit->der.len);
    }
}

static void args_pair(struct cr_args *args, const char *name, const char *value)
{
    if (value != NULL && value[0] != '\0') {
        cr_args_text(args, name);
        cr_args_text(args, value);
    }
}

void cr_audit_args(const struct cr_audit *audit, const char *broker, const struct cr_redis_key *stream,
                   struct cr_args *args)
{
    cr_args_start(args, "XADD");
    cr_args_bytes(args, stream->text, stream->len);
    cr_args_text(args, "MAXLEN");
    cr_args_text(args, "~");
    cr_args_text(args, "1000000");
    cr_args_text(args, "*");
    cr_args_text(args, "time");
    cr_args_number(args, audit->now_s);
    args_pair(args, "broker", broker);
    args_pair(args, "what", audit->what);
    args_pair(args, "device", audit->device);
    args_pair(args, "slot", audit->slot);
    args_pair(args, "who", audit->who);
    args_pair(args, "renewal", audit->renewal_id);
    args_pair(args, "detail", audit->detail);
    const struct cr_serial *which = audit->certificate != NULL  ? &audit->certificate->entry.serial
                                    : audit->revocation != NULL ? &audit->revocation->serial
                                                                : audit->serial;
    if (which != NULL && which->len > 0) {
        char serial[CR_SERIAL_TEXT];
        cr_serial_text(serial, which);
        cr_args_text(args, "serial");
        cr_args_copy(args, serial);
    }
}
