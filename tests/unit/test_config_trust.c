/* config: the keys about who signs, who lets devices in, and what is revoked, with the line of each mistake. */
#include "plugin/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define REQUIRED "issuer_certfile i.pem\nissuer_keyfile i.key\njournal_dir /j\n" /* lines 1 to 3 */

static struct complaints {
    unsigned count;
    char text[8192]; /* "LINE: SENTENCE\n"… */
} complaints;
static struct cr_config config;

static void complain(void *ctx, unsigned line, const char *sentence)
{
    size_t len = strlen(complaints.text);
    (void)ctx;
    complaints.count++;
    snprintf(complaints.text + len, sizeof complaints.text - len, "%u: %s\n", line, sentence);
}

static cr_err parse(const char *text)
{
    memset(&complaints, 0, sizeof complaints);
    return cr_config_parse(&config, (struct cr_bytes){ (const uint8_t *)text, strlen(text) }, complain, NULL);
}

static void accepts(const char *text)
{
    if (parse(text) != CR_OK) {
        fail_msg("%s", complaints.text);
    }
}

/* One mistake, which begins with the line and has these words. */
static void refuses(const char *text, const char *line, const char *words)
{
    assert_int_equal(parse(text), CR_INVALID);
    if (complaints.count != 1 || strncmp(complaints.text, line, strlen(line)) != 0 ||
        strstr(complaints.text, words) == NULL) {
        fail_msg("expected %s %s for:\n%sgot:\n%s", line, words, text, complaints.text);
    }
}

static void several_issuers(void **state)
{
    (void)state;
    accepts(REQUIRED "issuer_passphrase_file credential:one\n"
                     "issuer_certfile j.pem\nissuer_sign_from 2026-12-01T00:00:00Z\nissuer_keyfile j.key\n"
                     "trusted_cafile a.pem\ntrusted_cafile b.pem\n");
    assert_int_equal(config.issuer_count, 2);
    assert_string_equal(config.issuer[0].certfile, "i.pem");
    assert_string_equal(config.issuer[0].keyfile, "i.key");
    assert_string_equal(config.issuer[0].passphrase_file, "credential:one");
    assert_int_equal(config.issuer[0].sign_from, 0);
    assert_string_equal(config.issuer[1].certfile, "j.pem");
    assert_string_equal(config.issuer[1].keyfile, "j.key");
    assert_string_equal(config.issuer[1].passphrase_file, "");
    assert_int_equal(config.issuer[1].sign_from, 1796083200);
    assert_int_equal(config.issuer[1].line, 5);
    assert_int_equal(config.trusted_count, 2);
}

static void mistakes_about_issuers(void **state)
{
    (void)state;
    refuses("issuer_keyfile i.key\n" REQUIRED, "1: ", "belongs behind the issuer_certfile that it is about");
    refuses("issuer_sign_from 2026-12-01T00:00:00Z\n" REQUIRED, "1: ", "belongs behind the issuer_certfile");
    refuses("issuer_passphrase_file p\n" REQUIRED, "1: ", "belongs behind the issuer_certfile");
    refuses(REQUIRED "issuer_keyfile k.key\n", "4: ", "is given twice for the same issuer_certfile");
    refuses(REQUIRED "issuer_certfile j.pem\n", "4: ", "issuer_certfile j.pem needs an issuer_keyfile behind it");
    refuses(REQUIRED "issuer_certfile i.pem\nissuer_keyfile j.key\n", "4: ",
            "issuer_certfile i.pem is given already, in line 1");
    static const char *const times[] = { "soon", "2026-12-01", "2026-13-01T00:00:00Z", "1970-01-01T00:00:00Z", "1796083200",
                                         "2026-12-01T00:00:00+01:00" };
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        char text[200];
        snprintf(text, sizeof text, REQUIRED "issuer_sign_from %s\n", times[i]);
        refuses(text, "4: ", "issuer_sign_from must be a time such as 2026-12-01T00:00:00Z");
    }
    assert_int_equal(parse("journal_dir /j\n"), CR_INVALID);
    assert_non_null(strstr(complaints.text, "0: issuer_certfile is missing"));
    assert_non_null(strstr(complaints.text, "0: issuer_keyfile is missing"));
    char many[1000] = "journal_dir /j\n";
    for (unsigned i = 0; i <= CR_ISSUERS_MAX; i++) {
        size_t len = strlen(many);
        snprintf(many + len, sizeof many - len, "issuer_certfile %u.pem\n%s", i,
                 i < CR_ISSUERS_MAX ? "issuer_keyfile k\n" : "");
    }
    refuses(many, "18: ", "issuer_certfile can be given at most 8 times");
}

static void factories(void **state)
{
    (void)state;
    accepts(REQUIRED "factory_cafile /etc/acme-2026.v1.pem\n"
                     "factory_cafile b.pem\nfactory_name bolt\nfactory_identity serial-number\nfactory_enroll any\n"
                     "factory_reenroll always\n"
                     "factory_cafile c/d e+f.pem\nfactory_identity san-dns\nfactory_reenroll expired\n"
                     "factory_cafile g.pem\nfactory_identity san-uri\nfactory_enroll list\nfactory_reenroll never\n"
                     "enroll_tokens true\n");
    assert_int_equal(config.factory_count, 4);
    assert_string_equal(config.factory[0].name, "acme-2026");
    assert_int_equal(config.factory[0].identity, CR_FACTORY_CN);
    assert_int_equal(config.factory[0].enroll, CR_ENROLL_LIST);
    assert_int_equal(config.factory[0].reenroll, CR_REENROLL_NEVER);
    assert_string_equal(config.factory[1].name, "bolt");
    assert_int_equal(config.factory[1].identity, CR_FACTORY_SERIAL_NUMBER);
    assert_int_equal(config.factory[1].enroll, CR_ENROLL_ANY);
    assert_int_equal(config.factory[1].reenroll, CR_REENROLL_ALWAYS);
    assert_string_equal(config.factory[2].name, "d-e-f");
    assert_int_equal(config.factory[2].identity, CR_FACTORY_SAN_DNS);
    assert_int_equal(config.factory[2].reenroll, CR_REENROLL_EXPIRED);
    assert_int_equal(config.factory[3].identity, CR_FACTORY_SAN_URI);
    assert_true(config.enroll_tokens);
}

static void mistakes_about_factories(void **state)
{
    (void)state;
    static const char *const orphans[] = { "factory_name x", "factory_identity cn", "factory_enroll any",
                                           "factory_reenroll always" };
    for (size_t i = 0; i < sizeof orphans / sizeof *orphans; i++) {
        char text[300];
        snprintf(text, sizeof text, REQUIRED "%s\nfactory_cafile a.pem\n", orphans[i]);
        refuses(text, "4: ", "belongs behind the factory_cafile that it is about");
        snprintf(text, sizeof text, REQUIRED "factory_cafile a.pem\n%s\n%s\n", orphans[i], orphans[i]);
        refuses(text, "6: ", "is given twice for the same factory_cafile");
    }
    refuses(REQUIRED "factory_cafile a.pem\nfactory_name a b\n", "5: ", "factory_name must be 1 to 32 of the characters");
    refuses(REQUIRED "factory_cafile a.pem\nfactory_name 123456789012345678901234567890123\n", "5: ", "must be 1 to 32");
    refuses(REQUIRED "factory_cafile a.pem\nfactory_identity serial\n", "5: ", "serial-number");
    refuses(REQUIRED "factory_cafile a.pem\nfactory_enroll some\n", "5: ", "factory_enroll must be one of");
    refuses(REQUIRED "factory_cafile a.pem\nfactory_reenroll yes\n", "5: ", "factory_reenroll must be one of");
    refuses(REQUIRED "factory_cafile a.pem\nfactory_cafile x/a.crt\n", "5: ", "two factories are called a");
    refuses(REQUIRED "factory_cafile /etc/.pem\n", "4: ", "factory_cafile /etc/.pem needs a factory_name");
    refuses(REQUIRED "enroll_tokens maybe\n", "4: ", "enroll_tokens");
    char many[400] = REQUIRED;
    for (unsigned i = 0; i <= CR_FACTORIES_MAX; i++) {
        size_t len = strlen(many);
        snprintf(many + len, sizeof many - len, "factory_cafile %u.pem\n", i);
    }
    refuses(many, "12: ", "factory_cafile can be given at most 8 times");
}

static void revocation_lists(void **state)
{
    (void)state;
    accepts(REQUIRED);
    assert_int_equal(config.crl_include_count, 0);
    assert_string_equal(config.crl_file, "");
    assert_true(config.crl_refresh_s < config.crl_lifetime_s);
    accepts(REQUIRED "crl_file /c/all.pem\ncrl_dir /c\ncrl_include a.pem\ncrl_include b.pem\ncrl_lifetime 2d\n"
                     "crl_refresh 6h\ncrl_publish false\nocsp_lifetime 12h\n");
    assert_string_equal(config.crl_file, "/c/all.pem");
    assert_string_equal(config.crl_dir, "/c");
    assert_int_equal(config.crl_include_count, 2);
    assert_string_equal(config.crl_include[1], "b.pem");
    assert_int_equal(config.crl_lifetime_s, 2 * 86400);
    assert_int_equal(config.crl_refresh_s, 6 * 3600);
    assert_int_equal(config.ocsp_lifetime_s, 12 * 3600);
    assert_false(config.crl_publish);
    refuses(REQUIRED "crl_refresh 2d\ncrl_lifetime 2d\n", "4: ", "crl_refresh must be shorter than crl_lifetime");
    refuses(REQUIRED "\ncrl_include a.pem\n", "5: ", "crl_include has no meaning without a crl_file");
    refuses(REQUIRED "crl_publish perhaps\n", "4: ", "crl_publish");
    refuses(REQUIRED "crl_lifetime never\n", "4: ", "crl_lifetime");
    refuses(REQUIRED "ocsp_lifetime 0s\n", "4: ", "ocsp_lifetime");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_issuers),        cmocka_unit_test(mistakes_about_issuers),
        cmocka_unit_test(factories),              cmocka_unit_test(mistakes_about_factories),
        cmocka_unit_test(revocation_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
