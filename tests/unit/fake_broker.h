/* fake_broker: Mosquitto's plugin API without a broker, and a router and an app that remember what they were asked. For
 * test_host.c. One thread. */
#ifndef CR_FAKE_BROKER_H
#define CR_FAKE_BROKER_H

#include "plugin/app.h"
#include "plugin/host/host.h"
#include "plugin/host/mosquitto_api.h"

enum { FAKE_EVENTS = 40, FAKE_LOG_CAP = 8192 };

struct mosquitto {
    const char *id, *username, *address;
    int protocol;
    bool clean;
    void *x509;
};

struct fake_broker {
    bool v21;                 /* CONNECT and CLIENT_OFFLINE exist */
    int refuse_event, refuse_rc;
    MOSQ_FUNC_generic_callback callback[FAKE_EVENTS];
    void *user_data[FAKE_EVENTS];
    unsigned registered;      /* now */
    char log[FAKE_LOG_CAP];
    unsigned published, kicked, property_fail; /* property_fail: fail at the nth property, 0 never */
    unsigned properties;      /* lists that are alive */
    int publish_rc;
    char kick_id[32];
    /* app and router */
    cr_err app_err;
    bool app_running;
    unsigned reloads, connects, disconnects, resumes, controls;
    struct cr_host *host;
    enum cr_verdict verdict;
    enum cr_login login;
    enum cr_handled handled;
    enum cr_access access;
    struct mosquitto *found;  /* whom mosquitto_client finds */
    void *x509;               /* everybody's certificate */
    unsigned tick_ms;
    void (*on_tick)(void);    /* called by the router's tick */
    struct cr_client client;  /* of the last call */
    struct cr_request_properties properties_seen;
    uint8_t correlation[CR_CORRELATION_MAX];
    char topic[200];
};
extern struct fake_broker fake;

/* Calls what was registered for the event. */
int fake_fire(int event, void *data);

/* A list of properties for a request; of one allocation. Freed by the caller with free(). */
mosquitto_property *fake_properties(unsigned user_properties, size_t correlation_len);

#endif
