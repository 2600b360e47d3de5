/* The sample configurations, in docker/ and of the Debian package, are valid, and say what the README says of them. */
#include "plugin/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void complain(void *ctx, unsigned line, const char *sentence)
{
    (void)ctx;
    print_error("line %u: %s\n", line, sentence);
}

static void the_plugins_sample_is_valid(void **state)
{
    (void)state;
    struct cr_config *config = calloc(1, sizeof *config);
    assert_non_null(config);
    assert_int_equal(cr_config_read(config, CR_DOCKER "/cert-renewal.conf", complain, NULL), CR_OK);
    assert_true(config->default_allow);
    assert_int_equal(config->principal_count, 1);
    free(config);
}

static void the_brokers_sample_has_what_the_plugin_needs(void **state)
{
    (void)state;
    static const char *const needed[] = { "set_tcp_nodelay true\n", "require_certificate true\n", "plugin /",
                                          "plugin_opt_config_file /" };
    bool found[4] = { false };
    char line[512];
    FILE *file = fopen(CR_DOCKER "/mosquitto.conf", "re");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        assert_null(strstr(line, "per_listener_settings true"));
        for (size_t i = 0; i < 4; i++) {
            found[i] = found[i] || strncmp(line, needed[i], strlen(needed[i])) == 0;
        }
    }
    assert_int_equal(fclose(file), 0);
    for (size_t i = 0; i < 4; i++) {
        if (!found[i]) {
            fail_msg("there is no line '%s'", needed[i]);
        }
    }
}

static void the_packages_sample_is_valid_and_leaves_access_to_the_broker(void **state)
{
    (void)state;
    struct cr_config *config = calloc(1, sizeof *config);
    assert_non_null(config);
    assert_int_equal(cr_config_read(config, CR_DEBIAN "/cert-renewal.conf", complain, NULL), CR_OK);
    assert_false(config->default_allow);
    assert_string_equal(config->journal_dir, "/var/lib/mosquitto/cert-renewal");
    free(config);
}

/* Every line of it is a comment, and without the # before their first letter its settings are those that are needed. */
static void the_packages_part_of_the_brokers_configuration_is_inactive(void **state)
{
    (void)state;
    static const char *const needed[] = {
        "#plugin /usr/lib/mosquitto-cert-renewal/mosquitto_cert_renewal.so\n",
        "#plugin_opt_config_file /etc/mosquitto/cert-renewal.conf\n",
        "#set_tcp_nodelay true\n",
        "#require_certificate true\n",
        "#use_identity_as_username true\n",
    };
    bool found[sizeof needed / sizeof needed[0]] = { false };
    char line[512];
    FILE *file = fopen(CR_DEBIAN "/broker.conf", "re");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        assert_true(line[0] == '#' || line[0] == '\n');
        for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
            found[i] = found[i] || strcmp(line, needed[i]) == 0;
        }
    }
    assert_int_equal(fclose(file), 0);
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (!found[i]) {
            fail_msg("there is no line '%s'", needed[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plugins_sample_is_valid),
        cmocka_unit_test(the_brokers_sample_has_what_the_plugin_needs),
        cmocka_unit_test(the_packages_sample_is_valid_and_leaves_access_to_the_broker),
        cmocka_unit_test(the_packages_part_of_the_brokers_configuration_is_inactive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
