"""The settings of the project. Its tests name the accounts."""

SECRET_KEY = "for tests"
ALLOWED_HOSTS = ["*"]
DEBUG_PROPAGATE_EXCEPTIONS = True
INSTALLED_APPS = ["backpack_orm.integrations.django"]
MIDDLEWARE = [
    "backpack_orm.integrations.django.middleware.backpack",
    "backpack_orm.integrations.django.middleware.backpack_errors",
]
ROOT_URLCONF = "tests.integrations.django_project.urls"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]
USE_TZ = True
BACKPACK = {"default": {"URL": "django-project", "TOKEN": "fedcba9876543210"}}
