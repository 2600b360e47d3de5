/* rotation_scene: a few devices with certificates of one CA, another CA that takes its place, and an operator, on a
 * flow_rig. Keys, certificates and signatures are real. One thread; a mistake in it fails the test. */
#ifndef CR_ROTATION_SCENE_H
#define CR_ROTATION_SCENE_H

#include "tests/support/flow_rig.h"

#include <cjson/cJSON.h>

enum { ROTATION_DEVICES = 12, DAY_S = 86400 };

struct rotation_device {
    char name[16];
    struct rig_key key;
    struct cr_blob cert;
    const struct cr_client *client;
};

struct rotation {
    struct flow_rig rig;
    struct rig_key new_key; /* of the other CA */
    struct cr_blob new_der;
    char old_id[CR_ISSUER_ID_TEXT], new_id[CR_ISSUER_ID_TEXT];
    const struct cr_client *admin;
    unsigned count;
    struct rotation_device device[ROTATION_DEVICES];
    cJSON *reply; /* the last one */
};

/* cmocka's setup and teardown; the state is the scene, and the first CA signs. */
int rotation_start(void **state);
int rotation_stop(void **state);
/* The files are read again: the other CA signs as well, from then on (0: from the beginning). */
void rotation_reload(struct rotation *s, int64_t sign_from, const char *slot_lines);
/* Only the other CA signs; the first one is only trusted. */
void rotation_reload_trusting(struct rotation *s, const char *slot_lines);

void rotation_pass(struct rotation *s, int64_t seconds);
/* One more device, that connects. */
struct rotation_device *rotation_add(struct rotation *s);
/* It leaves, and comes back with what it has, or with this certificate. */
void rotation_reconnect(struct rotation *s, struct rotation_device *d, struct cr_bytes cert);
/* It asks for a certificate, for a key of this type, and comes back with it. Which issuer signed it. Lent. */
const char *rotation_renew(struct rotation *s, struct rotation_device *d, enum cr_key_type type);

/* Gives a command, such as "\"command\":\"listIssuers\"", and fails the test unless it is answered. Lent until the next. */
const cJSON *rotation_command(struct rotation *s, const char *fields);
/* The response of one that is refused with this code. */
const cJSON *rotation_refused(struct rotation *s, const char *fields, const char *code);
/* A number of what census says of an issuer. */
int rotation_census(struct rotation *s, const char *issuer, const char *name);

#endif
