// Tests of domain/lead.c.
#include "domain/table_check.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "domain/lead.h"

static void test_table(void **state)
{
    (void)state;
    ASSERT_TABLE(&lead_table, struct lead, "id", "company_id", "creator_id", "latitude",
                 "longitude", "address", "source", "kwh_usage", "system_size", "panel_count",
                 "annual_production", "state", "promo_code", "is_2d", "external_lead_id",
                 "sync_status", "last_synced_at", "panel_id", "inverter_id", "utility_id",
                 "roof_material", "installation_date", "lightfusion_3d_project_id",
                 "lightfusion_3d_house_id", "model_3d_status", "model_3d_created_at",
                 "model_3d_completed_at", "has_3d_model", "created_at", "updated_at");
    ASSERT_FLAGGED(&lead_table, FIELD_REQUIRED, "company_id", "creator_id", "latitude",
                   "longitude");
    ASSERT_FLAGGED(&lead_table, FIELD_NOT_NULL, "source", "state", "is_2d");
    ASSERT_FLAGGED(&lead_table, FIELD_READ_ONLY, "id", "last_synced_at",
                   "lightfusion_3d_project_id", "lightfusion_3d_house_id", "model_3d_status",
                   "model_3d_created_at", "model_3d_completed_at", "has_3d_model", "created_at",
                   "updated_at");
    ASSERT_FLAGGED(&lead_table, FIELD_NO_SQL, "has_3d_model");
    assert_flagged(&lead_table, FIELD_NO_JSON, NULL, 0);
}

static const struct {
    const char *name;
    double min;
    double max;
} bounds[] = {
    {"company_id", 1, 9007199254740991},
    {"creator_id", 1, 9007199254740991},
    {"latitude", -90, 90},
    {"longitude", -180, 180},
    {"source", 0, 4},
    {"kwh_usage", 0, 1e9},
    {"system_size", 0, 1e6},
    {"panel_count", 0, 1e6},
    {"annual_production", 0, 1e9},
    {"state", 0, 3},
    {"panel_id", 1, 2147483647},
    {"inverter_id", 1, 2147483647},
    {"utility_id", 1, 2147483647},
};

static void test_bounds(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bounds); i++) {
        const struct field *field = field_named(&lead_table, bounds[i].name);
        assert_true(field->min == bounds[i].min);
        assert_true(field->max == bounds[i].max);
    }
    assert_int_equal(field_named(&lead_table, "address")->max_len, 500);
    assert_int_equal(LEAD_SOURCE_NONE, 4);
}

static void test_names(void **state)
{
    (void)state;
    ASSERT_NAMES(model_status_names, NULL, "pending", "processing", "completed", "failed");
    assert_string_equal(model_status_names[MODEL_PENDING], "pending");
    assert_string_equal(model_status_names[MODEL_PROCESSING], "processing");
    assert_string_equal(model_status_names[MODEL_COMPLETED], "completed");
    assert_string_equal(model_status_names[MODEL_FAILED], "failed");
    ASSERT_NAMES(lead_sync_names, NULL, "pending", "synced", "failed", "syncing");
    assert_string_equal(lead_sync_names[LEAD_SYNC_PENDING], "pending");
    assert_string_equal(lead_sync_names[LEAD_SYNC_SYNCED], "synced");
    assert_string_equal(lead_sync_names[LEAD_SYNC_FAILED], "failed");
    assert_string_equal(lead_sync_names[LEAD_SYNC_SYNCING], "syncing");
}

static const enum model_status statuses[] = {MODEL_NONE, MODEL_PENDING, MODEL_PROCESSING,
                                             MODEL_COMPLETED, MODEL_FAILED};

static void test_has_and_ready(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        struct lead lead = {.model_3d_status = statuses[i]};
        assert_false(lead_has_3d_model(&lead));
        assert_false(lead_is_3d_model_ready(&lead));
        lead.lightfusion_3d_house_id = OPT_I64(456); // a house alone is no model
        assert_false(lead_has_3d_model(&lead));
        assert_false(lead_is_3d_model_ready(&lead));
        lead.lightfusion_3d_project_id = OPT_I64(123);
        assert_true(lead_has_3d_model(&lead));
        assert_int_equal(lead_is_3d_model_ready(&lead), statuses[i] == MODEL_COMPLETED);
        lead.lightfusion_3d_house_id = (struct opt_i64){0};
        assert_true(lead_has_3d_model(&lead));
    }
}

static void test_set_project(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        struct lead lead = {
            .id = 7,
            .model_3d_status = statuses[i],
            .model_3d_created_at = OPT_I64(1000),
            .model_3d_completed_at = OPT_I64(2000),
            .lightfusion_3d_project_id = {.value = 9, .set = i % 2 == 0},
            .system_size = OPT_F64(10.5),
        };
        lead_set_lightfusion_3d_project(&lead, 123, 456);
        assert_true(lead.lightfusion_3d_project_id.set);
        assert_int_equal(lead.lightfusion_3d_project_id.value, 123);
        assert_true(lead.lightfusion_3d_house_id.set);
        assert_int_equal(lead.lightfusion_3d_house_id.value, 456);
        assert_int_equal(lead.model_3d_status, MODEL_PROCESSING);
        assert_false(lead.model_3d_completed_at.set);
        assert_true(lead.has_3d_model);
        // When it was ordered and what else is known stays.
        assert_int_equal(lead.model_3d_created_at.value, 1000);
        assert_true(lead.system_size.value == 10.5);
        assert_int_equal(lead.id, 7);
    }
}

static void test_update_status(void **state)
{
    (void)state;
    for (size_t from = 0; from < COUNT_OF(statuses); from++) {
        for (size_t to = 0; to < COUNT_OF(statuses); to++) {
            struct lead lead = {0};
            lead_update_3d_model_status(&lead, statuses[from], 1000);
            lead_update_3d_model_status(&lead, statuses[to], 2000);
            bool was = statuses[from] == MODEL_COMPLETED;
            bool is = statuses[to] == MODEL_COMPLETED;
            assert_int_equal(lead.model_3d_status, statuses[to]);
            assert_int_equal(lead.model_3d_completed_at.set, is);
            if (is) // set once
                assert_int_equal(lead.model_3d_completed_at.value, was ? 1000 : 2000);
            assert_false(lead.model_3d_created_at.set);
        }
    }
}

static void test_status_of_lightfusion(void **state)
{
    (void)state;
    static const struct {
        int64_t state;
        enum model_status want;
    } cases[] = {
        {0, MODEL_PROCESSING},   {1, MODEL_COMPLETED},    {2, MODEL_FAILED},
        {3, MODEL_PROCESSING},   {-1, MODEL_NONE},        {4, MODEL_NONE},
        {INT64_MAX, MODEL_NONE}, {INT64_MIN, MODEL_NONE}, {INT64_C(1) << 32, MODEL_NONE},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(model_status_of_lightfusion(cases[i].state), cases[i].want);
}

// Ids that are no ids end the process.
static void test_bad_ids(void **state)
{
    (void)state;
    static const struct {
        int64_t project_id;
        int64_t house_id;
    } cases[] = {{0, 456}, {123, 0}, {-1, 456}, {123, -1}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            signal(SIGABRT, SIG_DFL);
            close(STDERR_FILENO);
            struct lead lead = {0};
            lead_set_lightfusion_3d_project(&lead, cases[i].project_id, cases[i].house_id);
            _exit(0);
        }
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGABRT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),       cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_names),       cmocka_unit_test(test_has_and_ready),
        cmocka_unit_test(test_set_project), cmocka_unit_test(test_update_status),
        cmocka_unit_test(test_bad_ids),     cmocka_unit_test(test_status_of_lightfusion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
