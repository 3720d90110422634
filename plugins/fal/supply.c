#include "supply.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <aisha/aisha.h>
#include <aisha/service/images.h>

#include "files.h"

enum { DAY_S = 24 * 3600, SPARE_S = 3600 };

static int no(struct client_answer *ret, enum aisha_cause cause, const char *reason)
{
    *ret = (struct client_answer){
        .said = CLIENT_NO, .body = "", .error = {.cause = cause, .reason = reason}};
    return 0;
}

static int fine(struct client_answer *ret)
{
    *ret = (struct client_answer){.said = CLIENT_OK, .body = ""};
    return 0;
}

/* What our own store said: when it is down, that is no fault of the order's. */
static int of_store(struct client_answer *ret, int r)
{
    if (r == -AISHA_E_NOT_FOUND || r == -AISHA_E_INVALID)
        return no(ret, AISHA_CAUSE_OURS, "a blob of the order is not there");
    if (r == -AISHA_E_UNAVAILABLE) {
        *ret = (struct client_answer){
            .said = CLIENT_LATER, .body = "", .error.reason = "our store is away"};
        return 0;
    }
    return r;
}

/* ---- photos ---- */

static AISHA_ASYNC int fetch_photo(struct aisha_ctx *ctx, const char *blob, size_t number,
                                   struct file_to_pack *ret, struct client_answer *said)
{
    const char *path = aisha_temp_path(ctx, "");
    struct image_header picture;

    int r = aisha_blob_get_file(ctx, blob, path);
    if (r < 0)
        return of_store(said, r);
    r = file_picture(ctx, path, &picture);
    if (r == -AISHA_E_INVALID)
        return no(said, AISHA_CAUSE_BAD_IMAGE, "a photo is no picture");
    *ret = (struct file_to_pack){.path = path,
                                 .name = aisha_printf(ctx, "%03zu.%s", number, picture.ending)};
    return r < 0 ? r : fine(said);
}

static AISHA_ASYNC int check_size(struct aisha_ctx *ctx, const struct aisha_json *order,
                                  struct client_answer *ret)
{
    const struct fal_config *config = aisha_config(ctx);
    size_t count = aisha_json_count(order, "photos");
    int64_t sum = 0, bytes;

    for (size_t i = 0; i < count; i++) {
        const char *blob = aisha_json_text(order, aisha_printf(ctx, "photos[%zu]", i));
        int r = aisha_blob_size(ctx, blob, &bytes);
        if (r < 0)
            return of_store(ret, r);
        sum += bytes;
    }
    return sum > config->photos_mb << 20
               ? no(ret, AISHA_CAUSE_BAD_IMAGE, "the photos are larger than photos_mb together")
               : fine(ret);
}

static AISHA_ASYNC int prepare_training(struct aisha_ctx *ctx, struct fal_request *request,
                                        const struct aisha_json *order, struct client_answer *ret)
{
    size_t count = aisha_json_count(order, "photos");
    struct file_to_pack *files = aisha_alloc(ctx, (count + 1) * sizeof *files);
    const char *archive = aisha_temp_path(ctx, ".zip");

    if (*request->upload_url)
        return fine(ret);
    int r = check_size(ctx, order, ret);
    for (size_t i = 0; r == 0 && ret->said == CLIENT_OK && i < count; i++)
        r = fetch_photo(ctx, aisha_json_text(order, aisha_printf(ctx, "photos[%zu]", i)), i + 1,
                        &files[i], ret);
    if (r < 0 || ret->said != CLIENT_OK)
        return r;
    r = file_pack(ctx, archive, files, count);
    if (r < 0)
        return r;
    return client_upload(ctx, archive, "photos.zip", "application/zip", &request->upload_url, ret);
}

/* ---- weights ---- */

/* Where the provider finds them, if it still does; NULL. */
static AISHA_ASYNC int find_upload(struct aisha_ctx *ctx, const char *blob, int64_t bytes,
                                   const char **ret_url)
{
    const struct aisha_rows *rows;

    int r = aisha_db_query(ctx, &rows,
                           "SELECT url FROM fal_uploads WHERE blob = $1 AND bytes = $2"
                           " AND expires_at > $3",
                           blob, bytes, aisha_now(ctx) + SPARE_S);
    if (r == 0)
        *ret_url = aisha_cell_text(rows, 0, "url");
    return r;
}

static struct aisha_statement note_upload(struct aisha_ctx *ctx, const char *blob, int64_t bytes,
                                          const char *url)
{
    const struct fal_config *config = aisha_config(ctx);
    struct aisha_value *values = aisha_alloc(ctx, 4 * sizeof *values);

    values[0] = aisha_value(blob);
    values[1] = aisha_value(bytes);
    values[2] = aisha_value(url);
    values[3] = aisha_value(aisha_now(ctx) + config->uploads_days * DAY_S);
    return (struct aisha_statement){
        .sql = "INSERT INTO fal_uploads (blob, bytes, url, expires_at) VALUES ($1, $2, $3, $4)"
               " ON CONFLICT (blob) DO UPDATE SET bytes = excluded.bytes, url = excluded.url,"
               " expires_at = excluded.expires_at",
        .params = values,
        .param_count = 4};
}

static AISHA_ASYNC int prepare_lora(struct aisha_ctx *ctx, const char *blob,
                                    struct client_answer *ret)
{
    const char *path = aisha_temp_path(ctx, ".safetensors"), *url = NULL;
    int64_t bytes;

    int r = aisha_blob_size(ctx, blob, &bytes);
    if (r < 0)
        return of_store(ret, r);
    r = find_upload(ctx, blob, bytes, &url);
    if (r < 0 || url)
        return r < 0 ? r : fine(ret);
    r = aisha_blob_get_file(ctx, blob, path);
    if (r < 0)
        return of_store(ret, r);
    r = client_upload(ctx, path, "weights.safetensors", "application/octet-stream", &url, ret);
    if (r < 0 || ret->said != CLIENT_OK)
        return r;
    const struct aisha_statement note = note_upload(ctx, blob, bytes, url);
    return aisha_db_query_(ctx, NULL, &note);
}

static const char *lora_blob(struct aisha_ctx *ctx, const struct aisha_json *order, size_t i)
{
    return aisha_json_text(order, aisha_printf(ctx, "loras[%zu].weights", i));
}

int supply_prepare(struct aisha_ctx *ctx, struct fal_request *request,
                   const struct aisha_json *order, struct client_answer *ret)
{
    size_t count = aisha_json_count(order, "loras");
    int r = fine(ret);

    if (request->kind == FAL_TRAINING)
        return prepare_training(ctx, request, order, ret);
    for (size_t i = 0; r == 0 && ret->said == CLIENT_OK && i < count; i++)
        r = prepare_lora(ctx, lora_blob(ctx, order, i), ret);
    return r;
}

int supply_input(struct aisha_ctx *ctx, const struct fal_request *request,
                 const struct aisha_json *order, const struct model *model, const char **ret_input)
{
    const struct fal_config *config = aisha_config(ctx);
    size_t count = aisha_json_count(order, "loras");
    const char *urls[AISHA_LORAS_MOST] = {NULL};

    *ret_input = NULL;
    if (request->kind == FAL_TRAINING) {
        *ret_input = training_input(ctx, config, model->shape, order, request->upload_url);
        return 0;
    }
    for (size_t i = 0; i < count && i < AISHA_LORAS_MOST; i++) {
        const char *blob = lora_blob(ctx, order, i);
        int64_t bytes;
        int r = aisha_blob_size(ctx, blob, &bytes);
        if (r == 0)
            r = find_upload(ctx, blob, bytes, &urls[i]);
        if (r < 0 || !urls[i])
            return r;
    }
    *ret_input = drawing_input(ctx, config, model->shape, order, urls);
    return 0;
}

int supply_forget_loras(struct aisha_ctx *ctx, const struct aisha_json *order)
{
    size_t count = aisha_json_count(order, "loras");
    int r = 0;

    for (size_t i = 0; r == 0 && i < count; i++)
        r = aisha_db_exec(ctx, "DELETE FROM fal_uploads WHERE blob = $1", lora_blob(ctx, order, i));
    return r;
}

/* ---- results ---- */

/* Another download may be better. */
static int not_whole(struct client_answer *ret, const char *reason)
{
    aisha_ignore(no(ret, AISHA_CAUSE_PROVIDER, reason));
    ret->error.is_gone = true;
    return 0;
}

static AISHA_ASYNC int collect_weights(struct aisha_ctx *ctx, struct fal_request *request,
                                       const struct aisha_json *order,
                                       const struct aisha_json *output, struct client_answer *ret)
{
    const struct fal_config *config = aisha_config(ctx);
    const struct fal_preset preset = fal_preset_of(config, aisha_json_int(order, "preset"));
    const char *path = aisha_temp_path(ctx, ".safetensors"), *into = aisha_json_text(order, "into");
    struct reply_weights weights;
    struct file_weights file;
    struct model model;

    if (!reply_weights(output, &weights))
        return no(ret, AISHA_CAUSE_PROVIDER, "a training without weights");
    int r = client_download(ctx, weights.url, path, config->weights_mb << 20, ret);
    if (r < 0 || ret->said != CLIENT_OK)
        return r;
    r = file_weights(ctx, path, &file);
    if (r == -AISHA_E_INVALID || (r == 0 && weights.bytes && weights.bytes != file.bytes))
        return not_whole(ret, "weights that are not whole");
    if (r == 0)
        r = aisha_blob_put_file(ctx, into, path);
    if (r < 0)
        return of_store(ret, r);
    const struct aisha_statement note = note_upload(ctx, into, file.bytes, weights.url);
    r = aisha_db_query_(ctx, NULL, &note);
    if (r < 0)
        return r;
    bool is_known = model_named(ctx, config, request->model, &model) && model.shape;
    request->result = aisha_printf(
        ctx, "{\"sha256\":\"%s\",\"bytes\":%" PRId64 ",\"family\":%s,\"steps\":%" PRId64 "}",
        file.sha256, file.bytes, aisha_json_quote(ctx, is_known ? model.shape->family : ""),
        is_known ? training_steps(model.shape, &preset) : preset.steps);
    return fine(ret);
}

/* Downloads one, looks whether it is a picture to its end, and keeps it. */
static AISHA_ASYNC int collect_picture(struct aisha_ctx *ctx, const char *url, const char *into,
                                       size_t number, const char **ret_json,
                                       struct client_answer *ret)
{
    const struct fal_config *config = aisha_config(ctx);
    const char *path = aisha_temp_path(ctx, "");
    struct image_header picture;

    int r = client_download(ctx, url, path, config->image_mb << 20, ret);
    if (r < 0 || ret->said != CLIENT_OK)
        return r;
    int64_t bytes = (int64_t)ret->body_size;
    r = file_picture(ctx, path, &picture);
    if (r == -AISHA_E_INVALID || (r == 0 && !picture.is_whole))
        return not_whole(ret, "a picture that is not whole");
    const char *blob = aisha_printf(ctx, "%s-%zu.%s", into, number, picture.ending);
    if (r == 0)
        r = aisha_blob_put_file(ctx, blob, path);
    if (r < 0)
        return of_store(ret, r);
    *ret_json = aisha_printf(ctx,
                             "{\"blob\":%s,\"type\":\"%s\",\"bytes\":%" PRId64 ",\"width\":%" PRId64
                             ",\"height\":%" PRId64 "}",
                             aisha_json_quote(ctx, blob), picture.content_type, bytes,
                             picture.width, picture.height);
    return fine(ret);
}

static AISHA_ASYNC int collect_pictures(struct aisha_ctx *ctx, struct fal_request *request,
                                        const struct aisha_json *order,
                                        const struct aisha_json *output, struct client_answer *ret)
{
    const char *into = aisha_json_text(order, "into"), *list = "";
    struct reply_pictures found;
    size_t kept = 0;

    if (!reply_pictures(output, request->answer, &found))
        return no(ret, AISHA_CAUSE_PROVIDER, "a drawing without pictures");
    for (size_t i = 0; i < found.count; i++) {
        const char *one = "{\"flagged\":true}";
        if (!found.pictures[i].is_flagged) {
            int r = collect_picture(ctx, found.pictures[i].url, into, i + 1, &one, ret);
            if (r < 0 || ret->said != CLIENT_OK)
                return r;
            kept++;
        }
        list = aisha_printf(ctx, "%s%s%s", list, i ? "," : "", one);
    }
    if (kept == 0)
        return no(ret, AISHA_CAUSE_CONTENT_POLICY, "all pictures are flagged");
    const char *seed =
        found.has_seed ? aisha_printf(ctx, ",\"seed\":\"%" PRId64 "\"", found.seed) : "";
    request->result = aisha_printf(ctx, "{\"pictures\":[%s]%s}", list, seed);
    return fine(ret);
}

int supply_collect(struct aisha_ctx *ctx, struct fal_request *request,
                   const struct aisha_json *order, struct client_answer *ret)
{
    const struct aisha_json *answer =
        aisha_json_parse(ctx, request->answer, strlen(request->answer));
    const struct aisha_json *output = reply_output(answer);

    return request->kind == FAL_TRAINING ? collect_weights(ctx, request, order, output, ret)
                                         : collect_pictures(ctx, request, order, output, ret);
}
