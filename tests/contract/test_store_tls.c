/* Redis over TCP; and over TLS, where this build's hiredis can: a clear refusal at start where it cannot. */
#include "plugin/store/redis_tls.h"
#include "tests/contract/redis_scene.h"
#include "tests/support/test_pki.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct test_dir dir;
static char address[64], port[8], plain_port[8];

/* A certificate that is its own CA. */
static void make_cert(const char *name, const char *san)
{
    char key[128], cert[128], subject[64], extension[64], output[2048];
    (void)snprintf(key, sizeof key, "%s/%s.key", dir.path, name);
    (void)snprintf(cert, sizeof cert, "%s/%s.pem", dir.path, name);
    (void)snprintf(subject, sizeof subject, "/CN=%s", name);
    (void)snprintf(extension, sizeof extension, "subjectAltName=%s", san);
    const char *const argv[] = {
        "openssl", "req",     "-x509",   "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
        "-nodes",  "-keyout", key,       "-out",    cert, "-days",    "2",
        "-subj",   subject,   "-addext", extension, NULL
    };
    assert_int_equal(test_run(output, sizeof output, argv), 0);
}

/* A port that was free a moment ago. */
static void choose_port(char chosen[8])
{
    struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof any;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&any, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&any, &len), 0);
    (void)close(fd);
    (void)snprintf(chosen, 8, "%u", ntohs(any.sin_port));
}

static int set_up(void **state)
{
    (void)state;
    static char cert[128], key[128];
    test_dir_make(&dir);
    choose_port(plain_port);
    if (!cr_redis_tls_built()) {
        const char *const plain[] = { "--port", plain_port, "--bind", "127.0.0.1", NULL };
        rig_init_redis(&scene_rig, plain);
        return 0;
    }
    make_cert("server", "DNS:localhost,IP:127.0.0.1");
    make_cert("stranger", "DNS:localhost,IP:127.0.0.1");
    choose_port(port);
    (void)snprintf(cert, sizeof cert, "%s/server.pem", dir.path);
    (void)snprintf(key, sizeof key, "%s/server.key", dir.path);
    static const char *const arguments[] = { "--port", plain_port,           "--tls-port", port,
                                             "--bind", "127.0.0.1",          "127.0.0.2",  "--tls-cert-file",
                                             cert,     "--tls-key-file",     key,          "--tls-ca-cert-file",
                                             cert,     "--tls-auth-clients", "no",         NULL };
    rig_init_redis(&scene_rig, arguments);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_fini(&scene_rig);
    test_dir_remove(&dir);
    return 0;
}

/* How many of the two ways to write this machine there are. */
static unsigned host_count(void)
{
    struct addrinfo *found = NULL;
    if (getaddrinfo("localhost", NULL, NULL, &found) != 0) { /* a bare root has no /etc/hosts */
        return 1;
    }
    freeaddrinfo(found);
    return 2;
}

static struct rig_broker *open_with(const char *name, const char *host, const char *cafile, bool wait)
{
    static char path[128];
    (void)snprintf(address, sizeof address, "rediss://%s:%s", host, port);
    (void)snprintf(path, sizeof path, "%s/%s", dir.path, cafile);
    scene_rig.address = address;
    scene_rig.cafile = path;
    return wait ? rig_open(&scene_rig, name) : rig_open_only(&scene_rig, name);
}

/* The server listens on one of the addresses that "localhost" has. */
static void a_renewal_over_tcp(void **state)
{
    (void)state;
    scene_rig.address = address;
    for (unsigned i = 0; i < host_count(); i++) {
        (void)snprintf(address, sizeof address, i == 0 ? "127.0.0.1:%s" : "redis://localhost:%s/0", plain_port);
        struct rig_broker *broker = rig_open(&scene_rig, i == 0 ? "one" : "two");
        struct cr_cert_facts old = scene_old_cert();
        (void)rig_present(broker, scene_slot, &old);
        struct cr_job *job = rig_issue(broker, scene_device, scene_slot, 2 + i);
        assert_int_equal(job->outcome, CR_OUT_CERTIFICATE);
        cr_job_free(job);
    }
}

static void a_renewal_over_tls(void **state)
{
    (void)state;
    if (!cr_redis_tls_built()) {
        print_message("skipped: this build's hiredis has no TLS\n");
        skip();
    }
    static const char *const hosts[] = { "127.0.0.1", "localhost" };
    for (unsigned i = 0; i < host_count(); i++) {
        struct rig_broker *broker = open_with(i == 0 ? "one" : "two", hosts[i], "server.pem", true);
        struct cr_cert_facts old = scene_old_cert();
        (void)rig_present(broker, scene_slot, &old);
        struct cr_job *job = rig_issue(broker, scene_device, scene_slot, 2 + i);
        assert_int_equal(job->outcome, CR_OUT_CERTIFICATE);
        cr_job_free(job);
    }
}

static void another_ca_or_name_is_not_trusted(void **state)
{
    (void)state;
    if (!cr_redis_tls_built()) {
        print_message("skipped: this build's hiredis has no TLS\n");
        skip();
    }
    struct rig_broker *broker = open_with("one", "127.0.0.1", "stranger.pem", false);
    scene_expect_unavailable(rig_run(broker, rig_job(broker, CR_OP_GET, scene_device, scene_slot)));
    assert_false(rig_health(broker).connected);
    EVENTUALLY(strstr(rig_health(broker).problem, "TLS") != NULL)
    broker = open_with("two", "127.0.0.2", "server.pem", false); /* the certificate does not have that name */
    scene_expect_unavailable(rig_run(broker, rig_job(broker, CR_OP_GET, scene_device, scene_slot)));
    assert_false(rig_health(broker).connected);
    EVENTUALLY(strstr(rig_health(broker).problem, "TLS") != NULL)
}

static void what_cannot_work_is_refused_at_start(void **state)
{
    (void)state;
    char why[300] = "";
    struct cr_redis_tls *tls = NULL;
    assert_int_equal(cr_redis_tls_new(&tls, "/nowhere/ca.pem", why, sizeof why), CR_INVALID);
    assert_null(tls);
    assert_non_null(strstr(why, cr_redis_tls_built() ? "redis_cafile" : "hiredis has no TLS"));
    scene_rig.address = "rediss://localhost:1";
    scene_rig.cafile = "/nowhere/ca.pem";
    scene_rig.may_fail = true;
    assert_null(rig_open_only(&scene_rig, "one"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_renewal_over_tcp, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_renewal_over_tls, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_ca_or_name_is_not_trusted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_work_is_refused_at_start, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("store over TLS", tests, NULL, NULL);
}
