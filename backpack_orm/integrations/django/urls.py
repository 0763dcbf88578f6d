"""The addresses of the views that sign users in and out, for `include`."""

from django.urls import path

from backpack_orm.integrations.django import views

app_name = "backpack"
urlpatterns = [
    path("login", views.login, name="login"),
    path("callback", views.callback, name="callback"),
    path("accounts", views.accounts, name="accounts"),
    path("logout", views.logout, name="logout"),
]
