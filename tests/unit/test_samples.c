/* The sample configuration in docker/ is valid, and says what the README says of it. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plugins_sample_is_valid),
        cmocka_unit_test(the_brokers_sample_has_what_the_plugin_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
