/* renewalctl: trust set, ocsp and crl, which read and write files; and what is shown of trust. */
#include "tests/support/test_pki.h"
#include "tests/unit/ctl_rig.h"

#include "common/crl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

enum { FILE_CAP = 65536, DAY_S = 86400 };

static struct ctl_rig rig;
static struct test_dir dir;
static struct test_ca root, old, late;

static void run(const char *line, const char *typed, const char *const *answer)
{
    ctl_rig_free(&rig);
    rig = (struct ctl_rig){ .answer = answer, .typed = typed };
    ctl_rig_run(&rig, line);
}

static int set_up(void **state)
{
    (void)state;
    test_dir_make(&dir);
    test_ca_make_at(&root, "Root 1", NULL, CR_KEY_EC_P256, CTL_RIG_NOW - DAY_S, CTL_RIG_NOW + 100LL * DAY_S);
    test_ca_make_at(&old, "Root 0", NULL, CR_KEY_EC_P256, CTL_RIG_NOW - 9LL * DAY_S, CTL_RIG_NOW);
    test_ca_make_at(&late, "Root 2", NULL, CR_KEY_EC_P256, CTL_RIG_NOW + DAY_S, CTL_RIG_NOW + 100LL * DAY_S);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ctl_rig_free(&rig);
    test_ca_fini(&root);
    test_ca_fini(&old);
    test_ca_fini(&late);
    test_dir_remove(&dir);
    return 0;
}

static bool has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        print_message("'%s' has no '%s'\n", text, part);
        return false;
    }
    return true;
}

static size_t file_read(char text[FILE_CAP], const char *path)
{
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    size_t len = fread(text, 1, FILE_CAP - 1, file);
    text[len] = '\0';
    (void)fclose(file);
    return len;
}

/* ---- trust set ---- */

static void trusts(const char *file, const struct cr_blob *const *ders, const char *refusal)
{
    static const char *const answer[] = { "{\"version\":4}" };
    char line[200];
    const char *path = test_dir_file(&dir, file);
    test_file_write_certs(path, ders);
    (void)snprintf(line, sizeof line, "trust set %s --yes", path);
    run(line, NULL, answer);
    assert_int_equal(rig.rc, refusal == NULL ? CTL_DONE : CTL_USAGE);
    assert_int_equal(rig.asked, refusal == NULL);
    assert_true(has(refusal == NULL ? rig.out : rig.err, refusal == NULL ? "has version 4" : refusal));
}

static void certificates_are_looked_at_first(void **state)
{
    (void)state;
    struct cr_blob leaf;
    const struct cr_cert_intent intent = { .serial = { { 5 }, 1 }, .not_before = CTL_RIG_NOW - 9,
                                           .not_after = CTL_RIG_NOW + DAY_S };
    struct cr_profile profile;
    memset(&profile, 0, sizeof profile);
    profile.lifetime_s = DAY_S;
    test_leaf_make(&leaf, NULL, &root, &profile, "meter-17", &intent);
    const struct cr_blob *const good[] = { &root.der, NULL }, *const expired[] = { &root.der, &old.der, NULL },
                         *const early[] = { &late.der, NULL }, *const leaves[] = { &leaf, NULL },
                         *const twice[] = { &root.der, &root.der, NULL };
    trusts("good.pem", good, NULL);
    cJSON *asked = cJSON_Parse(rig.request[0]);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(asked, "command")), "setTrustBundle");
    const char *pem = cJSON_GetStringValue(cJSON_GetArrayItem(cJSON_GetObjectItem(asked, "certificates"), 0));
    assert_int_equal(strncmp(pem, "-----BEGIN CERTIFICATE-----\n", 28), 0);
    cJSON_Delete(asked);
    trusts("expired.pem", expired, "expired.pem: CN=Root 0 has expired at 2026-11-21T00:00:00Z");
    trusts("early.pem", early, "CN=Root 2 is not valid before 2026-11-22T00:00:00Z");
    trusts("leaf.pem", leaves, "CN=meter-17 is no certificate of a CA");
    trusts("twice.pem", twice, "a certificate is there twice");
    cr_blob_fini(&leaf);

    char line[400], text[] = "no PEM at all\n";
    const char *path = test_dir_file(&dir, "text.pem");
    test_file_write(path, text, sizeof text - 1, 0600);
    (void)snprintf(line, sizeof line, "trust set %s --yes", path);
    run(line, NULL, NULL);
    assert_int_equal(rig.rc, CTL_USAGE);
    assert_true(has(rig.err, "there is no certificate in PEM in it"));
    run("trust set /nowhere/x.pem --yes", NULL, NULL);
    assert_int_equal(rig.rc, CTL_USAGE);
    assert_true(has(rig.err, "/nowhere/x.pem: No such file"));

    (void)snprintf(line, sizeof line, "trust set %s --mode replace", test_dir_file(&dir, "good.pem"));
    static const char *const answer[] = { "{\"version\":5}" };
    run(line, "yes\n", answer);
    assert_int_equal(rig.rc, CTL_DONE);
    assert_true(has(rig.err, "  CN=Root 1\nEvery device will trust these alone: "));
    assert_true(has(rig.request[0], ",\"mode\":\"replace\"}"));
    run(line, NULL, answer);
    assert_int_equal(rig.rc, CTL_USAGE);
    assert_int_equal(rig.asked, 0);
}

/* ---- ocsp ---- */

#define OCSP(status, response)                                                                                         \
    "{\"device\":\"m\",\"slot\":\"data\",\"serialNumber\":\"0a\",\"issuer\":\"0123456789abcdef\",\"status\":\"" status     \
    "\",\"thisUpdate\":\"2026-11-21T00:00:00Z\",\"nextUpdate\":\"2026-11-22T00:00:00Z\",\"response\":\"" response "\"}"

static void an_ocsp_response_is_shown_and_written(void **state)
{
    (void)state;
    static const char *const good[] = { OCSP("good", "MAMKAQA=") }, *const odd[] = { OCSP("good", "MA*=") },
                             *const none[] = { "{\"status\":7}" };
    static const char shown[] = "device        m/data\nserial        0a\nissuer        0123456789abcdef\nstatus        good\n"
                                "valid         2026-11-21T00:00:00Z to 2026-11-22T00:00:00Z\n";
    char line[200], text[FILE_CAP];
    run("ocsp m", NULL, good);
    assert_string_equal(rig.out, shown);
    const char *path = test_dir_file(&dir, "m.ocsp");
    (void)snprintf(line, sizeof line, "ocsp m --out %s", path);
    run(line, NULL, good);
    assert_int_equal(rig.rc, CTL_DONE);
    assert_string_equal(rig.out, shown);
    assert_int_equal(file_read(text, path), 5);
    assert_memory_equal(text, "\x30\x03\x0a\x01\x00", 5);
    run("ocsp m --out -", NULL, good);
    assert_memory_equal(rig.out, "\x30\x03\x0a\x01\x00", 5);
    run(line, NULL, odd);
    assert_int_equal(rig.rc, CTL_FAILED);
    assert_true(has(rig.err, "holds no OCSP response"));
    assert_int_equal(file_read(text, path), 5); /* the one before is still whole */
    run(line, NULL, none);
    assert_int_equal(rig.rc, CTL_FAILED);
    run("ocsp m --out /nowhere/x", NULL, good);
    assert_int_equal(rig.rc, CTL_FAILED);
    assert_true(has(rig.err, "/nowhere/x.new: No such file"));
}

/* ---- crl ---- */

#define ISSUER "0123456789abcdef"

static void crl_of(const char *line, const char *kind, struct cr_bytes payload)
{
    ctl_rig_free(&rig);
    rig = (struct ctl_rig){ .kind = kind, .payload = payload };
    ctl_rig_run(&rig, line);
    assert_string_equal(rig.request[0], "$SYS/broker/cert-renewal/crl/" ISSUER);
}

static void a_crl_is_taken_from_the_broker(void **state)
{
    (void)state;
    struct cr_crl_entry entries[2] = { { { { 7 }, 1 }, 1, CTL_RIG_NOW }, { { { 9 }, 1 }, 4, CTL_RIG_NOW } };
    const struct cr_crl_request request = { 12, CTL_RIG_NOW, CTL_RIG_NOW + DAY_S, entries, 2 };
    struct cr_blob der;
    char line[200], text[FILE_CAP];
    assert_int_equal(cr_crl_build(&der, &request, &root.cert, CR_SIG_ECDSA_SHA256, test_ca_sign, &root), CR_OK);
    crl_of("crl " ISSUER, ISSUER, cr_blob_view(&der));
    assert_int_equal(rig.rc, CTL_DONE);
    (void)snprintf(text, sizeof text, "issuer        " ISSUER "\nnumber        12\nthis update   2026-11-21T00:00:00Z\n"
                   "next update   2026-11-22T00:00:00Z\nentries       2\nbytes         %zu\n", der.len);
    assert_string_equal(rig.out, text);
    crl_of("crl " ISSUER " --json", ISSUER, cr_blob_view(&der));
    assert_true(has(rig.out, "\"number\":\t12"));
    const char *path = test_dir_file(&dir, "x.crl");
    (void)snprintf(line, sizeof line, "crl " ISSUER " --out %s", path);
    crl_of(line, ISSUER, cr_blob_view(&der));
    assert_int_equal(rig.rc, CTL_DONE);
    assert_int_equal(file_read(text, path), der.len);
    assert_memory_equal(text, der.data, der.len);
    crl_of("crl " ISSUER " --pem", ISSUER, cr_blob_view(&der));
    assert_int_equal(strncmp(rig.out, "-----BEGIN X509 CRL-----\n", 25), 0);
    assert_null(strstr(rig.out, "number"));

    /* another's, one that is none, an empty one: the end of the time */
    crl_of("crl " ISSUER " --timeout 1", "fedcba9876543210", cr_blob_view(&der));
    assert_int_equal(rig.rc, CTL_NO_CONNECTION);
    assert_true(has(rig.err, "no CRL of this issuer came in time"));
    crl_of("crl " ISSUER " --timeout 1", ISSUER, (struct cr_bytes){ der.data, 0 });
    assert_int_equal(rig.rc, CTL_NO_CONNECTION);
    crl_of(line, ISSUER, (struct cr_bytes){ der.data, der.len - 1 });
    assert_int_equal(rig.rc, CTL_FAILED);
    assert_true(has(rig.err, "cannot be read as a CRL"));
    assert_int_equal(file_read(text, path), der.len); /* nothing was written */
    cr_blob_fini(&der);
}

/* ---- what is shown ---- */

static void shows(const char *line, const char *quoted, const char *expected)
{
    char data[4096];
    assert_int_equal(cr_text_copy(data, sizeof data, quoted), CR_OK);
    for (char *c = data; *c != '\0'; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    char *text = ctl_rig_rendered(line, data, false, 0);
    assert_string_equal(text, expected);
    free(text);
}

static void what_is_shown_of_trust(void **state)
{
    (void)state;
    shows("enroll m --factory acme", "{'device':'m','known':true}", "m: may enroll, from factory acme; it was known already\n");
    shows("forbid m", "{'device':'m'}", "m: may not enroll any more\n");
    shows("revoke m --slot data", "{'device':'m','slot':'data','reason':'keyCompromise','revoked':1}",
          "m/data: revoked (keyCompromise), 1 certificate; locked out until renewalctl release\n");
    shows("revoke --serial 0a --issuer " ISSUER, "{'serialNumber':'0a','issuer':'" ISSUER "','reason':'superseded','device':'m'}",
          "certificate 0a of issuer " ISSUER ": revoked (superseded), of m\n");
    shows("revoked",
          "{'revoked':[{'serialNumber':'0a','issuer':'" ISSUER "','device':'m','reason':'keyCompromise',"
          "'at':'2026-11-20T00:00:00Z','notAfter':'2026-12-03T00:00:00Z'}]}",
          "SERIAL  ISSUER            DEVICE  REASON         REVOKED              EXPIRES\n"
          "0a      0123456789abcdef  m       keyCompromise  2026-11-20 24 h ago  2026-12-03 in 12 d\n");
    shows("issuers",
          "{'issuers':[{'issuer':'" ISSUER "','subject':'CN=A','notBefore':'2026-01-01T00:00:00Z','notAfter':"
          "'2026-12-03T00:00:00Z','kind':'own','signing':true,'signFrom':'2026-11-01T00:00:00Z','state':'trusted','slots':7,"
          "'crl':{'number':3,'thisUpdate':'2026-11-20T00:00:00Z','nextUpdate':'2026-11-22T00:00:00Z','entries':2}},"
          "{'issuer':'fedcba9876543210','subject':'CN=F','notAfter':'2027-12-03T00:00:00Z','kind':'factory','factory':'acme',"
          "'signing':false,'state':'revoked','reason':'cACompromise'}]}",
          "ISSUER            KIND          SIGNS                           VALID UNTIL          STATE                  SLOTS  CRL"
          "           NEXT CRL            SUBJECT\n"
          "0123456789abcdef  own           yes, since 2026-11-01 20 d ago  2026-12-03 in 12 d   trusted                7      3, 2"
          " revoked  2026-11-22 in 24 h  CN=A\n"
          "fedcba9876543210  factory acme                                  2027-12-03 in 377 d  revoked: cACompromise         "
          "                                  CN=F\n");
    shows("census",
          "{'asOf':'2026-11-21T00:00:00Z','issuers':[{'issuer':'" ISSUER "','subject':'CN=A','live':7,'expired':1,'held':0,"
          "'pending':2,'lastSeen':'2026-11-20T23:00:00Z'}],'complete':false}",
          "ISSUER            LIVE  EXPIRED  HELD  PENDING  LAST SEEN              SUBJECT\n"
          "0123456789abcdef  7     1        0     2        2026-11-20 60 min ago  CN=A\n"
          "not all could be counted: there may be more; run it again\n"
          "as of         2026-11-21T00:00:00Z\n");
    shows("retire " ISSUER, "{'issuer':'" ISSUER "','live':0}", ISSUER ": retired: needed by 0 devices\n");
    shows("restore-issuer " ISSUER, "{}", ISSUER ": trusted again\n");
    shows("trust show", "{'version':0}",
          "no trust bundle: devices trust what they were made with; renewalctl trust set gives them one\n");
    shows("trust show",
          "{'version':3,'mode':'add','at':'2026-11-20T00:00:00Z','by':'alice','certificates':['x'],'subjects':['CN=A','CN=B'],"
          "'confirmed':7,'unconfirmed':2}",
          "version       3, added to what devices trust\n"
          "set           2026-11-20 24 h ago, by alice\n"
          "confirmed     7\n"
          "unconfirmed   2\n"
          "trusts        CN=A\n"
          "              CN=B\n");
}

static void a_token_is_told_with_how_to_use_it(void **state)
{
    (void)state;
    static const char data[] = "{\"device\":\"m\",\"username\":\"enroll:m\",\"token\":\"%s\",\"expires\":"
                               "\"2026-11-22T00:00:00Z\"}";
    char answer[400];
    (void)snprintf(answer, sizeof answer, data, "abc_-DEF");
    char *text = ctl_rig_rendered("token m", answer, false, 80);
    assert_true(has(text, "device        m\nuser name     enroll:m\ntoken         abc_-DEF\nexpires       2026-11-22 in 24 h\n"));
    assert_true(has(text, "on the listener\nthat asks for no client certificates, here on port 8884:\n\n"));
    assert_true(has(text, "  mosquitto_rr -h localhost -p 8884 --cafile ca.pem -i m -u enroll:m -P abc_-DEF \\\n"
                          "      -t '$identity/v1/m/operational/csr' "));
    free(text);
    /* what a shell would obey is not put on a line for one */
    (void)snprintf(answer, sizeof answer, data, "$(reboot)");
    text = ctl_rig_rendered("token m", answer, false, 80);
    assert_null(strstr(text, "mosquitto_rr"));
    free(text);
}

static void devices_that_are_revoked_or_not_there_yet(void **state)
{
    (void)state;
    shows("devices",
          "{'devices':[{'device':'a','slot':'s','state':'quiet','held':true,'hold':'revoked: keyCompromise','revoked':"
          "{'reason':'keyCompromise','at':'2026-11-20T00:00:00Z'},'factory':'0a0b0c0d','trustVersion':3},"
          "{'device':'b','slot':'s','state':'quiet','held':true},{'device':'c','enrol':{'since':'2026-11-20T00:00:00Z'}}]}",
          "DEVICE  SLOT  STATE                   EXPIRES  LAST SEEN  NEXT  BROKER  TAGS  FACTORY   TRUST\n"
          "a       s     revoked: keyCompromise                                          0a0b0c0d  3\n"
          "b       s     held\n"
          "c             may enroll\n");
    shows("device a",
          "{'device':'a','factory':'0a0b0c0d','trustVersion':3,'slots':[{'slot':'s','state':'quiet','held':true,'hold':"
          "'revoked: keyCompromise','revoked':{'reason':'keyCompromise','at':'2026-11-20T00:00:00Z'}}]}",
          "device        a\nfactory       0a0b0c0d\ntrusts        version 3 of the trust bundle\n\n"
          "s             revoked: keyCompromise, at 2026-11-20T00:00:00Z\n");
    shows("device c",
          "{'device':'c','enrol':{'since':'2026-11-20T00:00:00Z','factory':'acme','tokenExpires':'2026-11-22T00:00:00Z',"
          "'tokenUsed':true},'slots':[]}",
          "device        c\nenrollment    allowed at 2026-11-20T00:00:00Z, from factory acme, by a token until "
          "2026-11-22T00:00:00Z, the token was used\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_are_looked_at_first),
        cmocka_unit_test(an_ocsp_response_is_shown_and_written),
        cmocka_unit_test(a_crl_is_taken_from_the_broker),
        cmocka_unit_test(what_is_shown_of_trust),
        cmocka_unit_test(a_token_is_told_with_how_to_use_it),
        cmocka_unit_test(devices_that_are_revoked_or_not_there_yet),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
